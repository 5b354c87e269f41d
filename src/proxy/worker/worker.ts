import net from "node:net";
import type { HolderMessage, WorkerMessage } from "../messages.ts";
import { REPORT_INTERVAL_MS } from "../messages.ts";
import { ClientConnection, type ClientHost } from "./client-connection.ts";
import { errorResponse } from "./error-response.ts";
import { LiveApp } from "./live-app.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Registry } from "./registry.ts";

export interface WorkerOptions {
  readonly send: (message: WorkerMessage) => void;
  /** Called when the worker has nothing left to do. */
  readonly exit: () => void;
  readonly limits?: Limits;
}

type Of<K extends HolderMessage["kind"]> = Extract<HolderMessage, { kind: K }>;

/** One worker of the data plane: accepts on the listeners it is handed, serves the apps of the tables it is sent, and counts. */
export class Worker implements ClientHost {
  readonly limits: Limits;
  readonly #options: WorkerOptions;
  readonly #apps = new Map<string, LiveApp>();
  readonly #appOfListener = new Map<string, LiveApp>();
  readonly #servers = new Map<string, net.Server>();
  readonly #clients = new Registry<ClientConnection>();
  readonly #timers: NodeJS.Timeout[];
  #draining = false;
  #drainUntil = 0;
  #reportDue = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.limits = options.limits ?? DEFAULT_LIMITS;
    this.#timers = [
      setInterval(() => {
        this.#sweep();
      }, this.limits.tickMs),
      setInterval(() => {
        this.#report();
      }, REPORT_INTERVAL_MS),
    ];
    options.send({ kind: "hello", pid: process.pid });
  }

  appOf(listener: string): LiveApp | null {
    return this.#appOfListener.get(listener) ?? null;
  }

  isDraining(): boolean {
    return this.#draining;
  }

  /** `handle` comes with `listen`: the bound socket, which this worker accepts on beside the others. */
  take(message: HolderMessage, handle?: unknown): void {
    switch (message.kind) {
      case "listen":
        this.#listen(message, handle);
        return;
      case "unlisten":
        this.#servers.get(message.listener)?.close();
        this.#servers.delete(message.listener);
        this.#done(message.id);
        return;
      case "routes":
        this.#routes(message);
        return;
      case "remove":
        this.#remove(message);
        return;
      case "health":
        this.#apps.get(message.app)?.setDown(message.down);
        return;
      case "drain":
        this.#drain(message);
        return;
      case "cut":
        for (const instance of message.instances) this.#apps.get(message.app)?.target(instance)?.cut();
        return;
      case "flush":
        this.#report();
        this.#done(message.id);
        return;
      case "shutdown":
        this.shutdown(message.drainMs);
        return;
    }
  }

  /** Finishes what is under way, then ends; whatever is left after `drainMs` is closed. */
  shutdown(drainMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drainUntil = Date.now() + drainMs;
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
    for (const app of this.#apps.values()) app.endHolds();
    this.#endWhenDone();
  }

  #listen({ id, listener }: Of<"listen">, handle: unknown): void {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    server.on("connection", (socket) => {
      this.#accept(socket, listener);
    });
    server.on("error", (error) => {
      this.#options.send({ kind: "refused", id, reason: error.message });
    });
    server.listen(handle as net.ListenOptions, () => {
      this.#done(id);
    });
    this.#servers.set(listener, server);
  }

  #accept(socket: net.Socket, listener: string): void {
    if (this.#clients.size >= this.limits.clientConnectionsMax) {
      socket.on("error", () => undefined);
      socket.end(errorResponse({ status: 503, reason: "too many connections", close: true, bodyless: false }), "latin1");
      socket.setTimeout(this.limits.lingerIdleMs, () => socket.destroy());
      socket.resume();
      return;
    }
    const client = new ClientConnection(socket, listener, this);
    this.#clients.add(client);
    socket.on("close", () => {
      this.#clients.delete(client);
      if (this.#draining) this.#endWhenDone();
    });
  }

  #routes({ id, table }: Of<"routes">): void {
    const known = this.#apps.get(table.app);
    if (known !== undefined) this.#forgetListener(known);
    if (known === undefined) {
      this.#apps.set(table.app, this.#newApp(table));
    } else if (!known.apply(table)) {
      this.#appOfListener.set(listenerKey(known.table.listen), known);
      this.#options.send({ kind: "refused", id, reason: "the table is older than the present one" });
      return;
    }
    const app = this.#apps.get(table.app);
    if (app !== undefined) this.#appOfListener.set(listenerKey(table.listen), app);
    this.#done(id);
  }

  #newApp(table: Of<"routes">["table"]): LiveApp {
    return new LiveApp(table, this.limits, () => {
      this.#reportSoon();
    });
  }

  #remove({ id, app }: Of<"remove">): void {
    const live = this.#apps.get(app);
    if (live !== undefined) {
      live.close();
      this.#report();
      this.#apps.delete(app);
      this.#forgetListener(live);
    }
    this.#done(id);
  }

  #forgetListener(app: LiveApp): void {
    const key = listenerKey(app.table.listen);
    if (this.#appOfListener.get(key) === app) this.#appOfListener.delete(key);
  }

  #drain({ id, app, instances }: Of<"drain">): void {
    const targets = instances.map((name) => this.#apps.get(app)?.target(name) ?? null).filter((target) => target !== null);
    let left = targets.length;
    if (left === 0) this.#done(id);
    for (const target of targets) {
      target.drain(() => {
        left -= 1;
        if (left === 0) this.#done(id);
      });
    }
  }

  #done(id: number): void {
    this.#options.send({ kind: "done", id });
  }

  #sweep(): void {
    const now = Date.now();
    for (const client of this.#clients.values()) client.sweep(now);
    for (const app of this.#apps.values()) app.sweep(now);
    if (this.#draining && now > this.#drainUntil) this.#endNow();
  }

  /** At the end of the turn, so that many requests read at once are one message. */
  #reportSoon(): void {
    if (this.#reportDue) return;
    this.#reportDue = true;
    queueMicrotask(() => {
      this.#report();
    });
  }

  #report(): void {
    this.#reportDue = false;
    const apps = [...this.#apps.values()].filter((app) => app.hasNews()).map((app) => app.delta());
    if (apps.length > 0) this.#options.send({ kind: "counts", delta: { clientConnections: this.#clients.size, apps } });
  }

  #endWhenDone(): void {
    if (this.#clients.size > 0) return;
    this.#finish();
  }

  #endNow(): void {
    for (const client of this.#clients.values()) client.close();
    this.#finish();
  }

  #finish(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#report();
    this.#options.exit();
  }
}

/** The key under which holder and worker speak of a listener. */
export function listenerKey({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${String(port)}`;
}
