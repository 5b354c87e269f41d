import { onTestFinished } from "vitest";
import { addCounts, LEDGER_COLUMNS, ZERO_COUNTS, type LedgerColumn, type LedgerCounts } from "../../../src/core/ledger.ts";
import type { RouteTable } from "../../../src/core/routes.ts";
import { DEFAULT_FORWARDING } from "../../../src/core/forwarding.ts";
import type { Protocol, ProxySpec } from "../../../src/core/app-spec.ts";
import type { SessionRoute } from "../../../src/core/statelessness/session-routes.ts";
import { SessionBook } from "../../../src/proxy/holder/session-book.ts";
import { bind } from "../../../src/proxy/holder/listening-socket.ts";
import type { WorkerMessage } from "../../../src/proxy/messages.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../src/proxy/worker/limits.ts";
import { Worker } from "../../../src/proxy/worker/worker.ts";
import type { Certificate } from "../../../src/proxy/tls/certificate.ts";
import { PLAIN_TLS } from "../tls/proxy.ts";
import { until } from "../temp.ts";

export interface WireProxyOptions {
  readonly limits?: Partial<Limits>;
  readonly proxy?: Partial<ProxySpec>;
  readonly table?: Partial<RouteTable>;
  /** What the application speaks. */
  readonly protocol?: Protocol;
  /** The proxy speaks TLS with this certificate. */
  readonly secure?: { readonly certificate: Certificate; readonly hsts: string | null };
}

/** One worker of the data plane, in this process, on a port of its own. */
export class WireProxy {
  readonly port: number;
  readonly worker: Worker;
  #counts: LedgerCounts = ZERO_COUNTS;
  readonly #sessions = new SessionBook();
  #inFlight = 0;
  #held = 0;
  #connectionsRefused = 0;
  #id = 100;
  readonly #options: WireProxyOptions;
  readonly #waiting = new Map<number, (done: boolean) => void>();
  #revision = 0;

  private constructor(port: number, handle: unknown, options: WireProxyOptions) {
    this.port = port;
    this.#options = options;
    this.worker = new Worker({
      send: (message) => {
        this.#take(message);
      },
      exit: () => {
        this.#ended = true;
      },
      limits: { ...DEFAULT_LIMITS, tickMs: 10, ...options.limits },
    });
    const { secure } = options;
    this.worker.take(
      { kind: "listen", id: 1, listener: `127.0.0.1:${port}`, app: "app", secure: secure === undefined ? null : PLAIN_TLS },
      handle,
    );
    if (secure !== undefined) this.worker.take({ kind: "certificates", id: 4, app: "app", certificates: [secure.certificate] });
  }

  #ended = false;

  static async start(ports: readonly number[], options: WireProxyOptions = {}): Promise<WireProxy> {
    const socket = await bind({ host: "127.0.0.1", port: 0 });
    const proxy = new WireProxy(socket.address.port, socket.handle, options);
    proxy.route(ports);
    onTestFinished(async () => {
      await proxy.stop();
    });
    return proxy;
  }

  /** From now on requests go to these; none is named twice in one table. */
  route(ports: readonly number[], more: Partial<RouteTable> = {}): void {
    this.#revision += 1;
    const { protocol = "http1" } = this.#options;
    const pools = [
      {
        release: "r1",
        weight: 1,
        targets: ports.map((port) => ({ instance: `i${port}`, host: "127.0.0.1", port, protocol, health: null })),
      },
    ];
    this.#apply({ pools, ...this.#options.table, ...more });
  }

  /** Another app on the same address. */
  serveAnother(app: string, table: Partial<RouteTable>): void {
    this.worker.take({ kind: "listen", id: 4, listener: `127.0.0.1:${this.port}`, app, secure: null });
    this.#apply({ app, ...table });
  }

  #apply(more: Partial<RouteTable>): void {
    const { secure } = this.#options;
    const table = {
      app: "app",
      epoch: 1,
      revision: this.#revision,
      listen: { host: "127.0.0.1", port: this.port },
      tls: secure === undefined ? null : { ...PLAIN_TLS, hsts: secure.hsts },
      // Without Via, which every vector would have to name.
      proxy: { holdMs: 0, firstByteTimeoutMs: 0, forwarding: { ...DEFAULT_FORWARDING, via: null }, ...this.#options.proxy },
      pools: [],
      ...more,
    };
    this.worker.take({ kind: "routes", id: 2, table });
  }

  /** Resolves when nothing to the instances on these ports is in flight. */
  async drain(ports: readonly number[], limitMs = 60_000): Promise<void> {
    await this.#ask((id) => {
      this.worker.take({ kind: "drain", id, app: "app", instances: ports.map((port) => `i${port}`), limitMs });
    });
  }

  /** Resolves when the worker says that nothing of the paused app is in flight (true), or that it is not paused (false). */
  async quiet(): Promise<boolean> {
    return this.#ask((id) => {
      this.worker.take({ kind: "quiet", id, app: "app" });
    });
  }

  cut(ports: readonly number[]): void {
    this.worker.take({ kind: "cut", app: "app", instances: ports.map((port) => `i${port}`) });
  }

  get held(): number {
    this.worker.take({ kind: "flush", id: 3 });
    return this.#held;
  }

  /** Connections that were one too many. */
  get connectionsRefused(): number {
    this.worker.take({ kind: "flush", id: 3 });
    return this.#connectionsRefused;
  }

  get inFlight(): number {
    this.worker.take({ kind: "flush", id: 3 });
    return this.#inFlight;
  }

  /** What became of sessions since the start, route by route. */
  get sessions(): readonly SessionRoute[] {
    this.worker.take({ kind: "flush", id: 3 });
    return this.#sessions.all();
  }

  /** All that was counted since the start: only the columns that are not 0, when nothing is in flight any more. */
  async ledger(): Promise<Partial<Record<LedgerColumn, number>>> {
    await until(() => this.inFlight === 0, { what: "nothing is in flight" });
    return Object.fromEntries(
      LEDGER_COLUMNS.filter((column) => this.#counts[column] !== 0).map((column) => [column, this.#counts[column]]),
    );
  }

  async stop(): Promise<void> {
    this.worker.shutdown(0, "end");
    await until(() => this.#ended, { what: "the worker ends" });
  }

  async #ask(send: (id: number) => void): Promise<boolean> {
    this.#id += 1;
    const id = this.#id;
    return new Promise<boolean>((resolve) => {
      this.#waiting.set(id, resolve);
      send(id);
    });
  }

  #take(message: WorkerMessage): void {
    if (message.kind === "done" || message.kind === "refused") this.#waiting.get(message.id)?.(message.kind === "done");
    if (message.kind !== "counts") return;
    this.#connectionsRefused += message.delta.connectionsRefused;
    for (const app of message.delta.apps) {
      this.#inFlight = app.inFlight;
      this.#held = app.held;
      this.#sessions.add(app.sessions ?? []);
      for (const row of app.rows) this.#counts = addCounts(this.#counts, row.counts);
    }
  }
}
