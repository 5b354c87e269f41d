import { randomUUID } from "node:crypto";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { InstanceName } from "../../base/names.ts";
import type { AppliedRoutes, ProxyAppStatus, ProxyStatus } from "../../api/proxy-control.ts";
import { claimProblem } from "../../core/claims.ts";
import type { MirrorFigures, MirrorRequest } from "../../core/judging/mirror.ts";
import type { RecordedRequest } from "../../core/statelessness/recording.ts";
import type { LedgerSnapshot } from "../../core/ledger.ts";
import type { DrainLimits, DrainOutcome, RouteTable } from "../../core/routes.ts";
import type { HolderMessage, WorkerDelta } from "../messages.ts";
import { hasSameTargets, instancesOf } from "../table-change.ts";
import { releaseKey } from "./release-key.ts";
import { TicketKeys } from "../tls/ticket-keys.ts";
import { AppCertificates } from "./app-certificates.ts";
import { appStatus } from "./app-status.ts";
import { AppListeners, type HeldListener } from "./app-listeners.ts";
import { HealthChecks } from "./health-checks.ts";
import { Counts } from "./counts.ts";
import { drain } from "./drain.ts";
import type { Legacy } from "./legacy.ts";
import type { Answer, Member } from "./member.ts";
import { mirror } from "./mirror.ts";
import { record } from "./record.ts";
import { renderMetrics } from "./metrics.ts";
import { MetricsEndpoints } from "./metrics-endpoints.ts";
import { Predecessor } from "./predecessor.ts";
import type { RouteFile } from "./route-file.ts";
import type { HandedOver, PredecessorMessage } from "./succession.ts";
import { Removals, staleTable, throwIfOlder } from "./table-order.ts";
import { within } from "./within.ts";
import { WorkerGroup } from "./worker-group.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface HolderOptions {
  readonly workers: number;
  readonly version: string;
  /** Of its own, for what must outlive it. */
  readonly directory: string;
  readonly routeFile: RouteFile;
  readonly log: Logger;
  /** From the generation before; null for a proxy that is started afresh. */
  readonly legacy: Legacy | null;
}

const SAMPLE_MS = 1_000;
/** An address of a saved table that is still taken is tried again this often. */
const RETRY_MS = 200;
const FLUSH_LIMIT_MS = 1_000;
/**
 * The heart of the data plane: holds the listening sockets, the route tables and the counts, and keeps workers running on them. It serves no
 * request itself, so that it need never be restarted while the workers are.
 */
export class Holder {
  readonly #options: HolderOptions;
  readonly #boot: string;
  readonly #startedAt = Date.now();
  readonly #tables = new Map<string, RouteTable>();
  readonly #removals = new Removals();
  /** Saved tables whose address cannot be had at the moment. */
  readonly #unserved = new Map<string, RouteTable>();
  readonly #counts: Counts;
  readonly #health = new HealthChecks((app) => {
    this.#workers.tellAll({ kind: "health", app, down: this.#health.down(app) });
  });
  readonly #workers: WorkerGroup;
  readonly #listeners: AppListeners;
  readonly #certificates: AppCertificates;
  readonly #ticketKeys: TicketKeys;
  #releaseKey: Uint8Array = new Uint8Array();
  readonly #predecessor: Predecessor | null;
  readonly #metrics: MetricsEndpoints;
  #succeeded = false;
  #sampler: NodeJS.Timeout | null = null;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: HolderOptions) {
    this.#options = options;
    const { legacy, log } = options;
    this.#boot = legacy?.state.boot ?? randomUUID();
    this.#counts = new Counts(this.#boot, legacy?.state ?? null, log);
    const events = {
      onCounts: (worker: WorkerProcess, delta: WorkerDelta) => {
        this.#counts.add(worker.pid, delta);
      },
      onExit: (worker: WorkerProcess, how: string) => {
        this.#counts.workerGone(worker.pid, how === "exited with code 0" || !worker.listened);
      },
    };
    this.#workers = new WorkerGroup(options.workers, events, (worker) => this.#prepare(worker), log);
    this.#listeners = new AppListeners(this.#workers, legacy?.listeners ?? null, log);
    this.#ticketKeys = new TicketKeys(options.directory, log, () => {
      void this.#workers.demandAll({ kind: "ticketKeys", keys: this.#ticketKeys.current });
    });
    this.#certificates = new AppCertificates({
      directory: options.directory,
      workers: this.#workers,
      log,
      onChange: (app) => {
        void this.exclusively(() => this.#certificates.send(app));
      },
    });
    this.#metrics = new MetricsEndpoints(() => this.metrics(), log);
    this.#predecessor = legacy === null ? null : Predecessor.of(legacy, this.#counts, log);
  }

  /** Serves what the saved tables say, before anybody asks for it; a new generation, what it was given, once it may `accept`. */
  async start(): Promise<void> {
    const { legacy, routeFile, log } = this.#options;
    for (const table of legacy?.state.tables ?? (await routeFile.load())) {
      try {
        await this.#certificates.read(table);
        await this.#listeners.open(table);
        this.#tables.set(table.app, table);
        this.#health.apply(table);
      } catch (error) {
        if (legacy !== null) throw error;
        log.error("a saved app cannot be served at the moment", { app: table.app, error: String(error) });
        this.#unserved.set(table.app, table);
        this.#tryAgainLater(table);
      }
    }
    for (const verdict of legacy?.state.health ?? []) this.#health.believe(verdict);
    await this.#ticketKeys.start();
    this.#releaseKey = await releaseKey(this.#options.directory, log);
    await this.#workers.start();
    this.#certificates.start();
    if (legacy === null) this.#startAlone();
    this.#sampler = setInterval(() => {
      this.#counts.book.sample(Date.now());
    }, SAMPLE_MS);
  }

  /** For a new generation: everything up to accepting is done. @throws ERR_PROXY_REFUSED */
  throwIfIncomplete(): void {
    if (this.#workers.complete) return;
    throw new HitlessError({ code: "ERR_PROXY_REFUSED", what: "A worker ended at its start." });
  }

  /** For a new generation: its workers accept beside those of the old one, which is followed from now on. @throws ERR_LISTEN_ADDRESS_TAKEN */
  async accept(): Promise<void> {
    await this.#listeners.accept();
    if (this.#predecessor !== null) this.#workers.follow(this.#predecessor);
    this.#startAlone();
    await this.#save();
  }

  /** What only one generation may do at a time. */
  #startAlone(): void {
    this.#certificates.startOrdering();
    for (const table of this.#tables.values()) this.#metrics.apply(table);
  }

  // --- handing over to a new generation ---

  /** Gives everything it needs; `send` gets what is counted from this moment on. */
  handOver(send: (message: PredecessorMessage) => void): {
    readonly listeners: readonly HeldListener[];
    readonly state: HandedOver;
  } {
    this.#counts.streamTo(send);
    return {
      listeners: this.#listeners.all(),
      state: {
        boot: this.#boot,
        pid: process.pid,
        tables: [...this.#tables.values()],
        health: [...this.#tables.keys()].flatMap((app) => this.#health.verdicts(app)),
        ...this.#counts.data(),
      },
    };
  }

  /** It did not take over. */
  keep(): void {
    this.#counts.streamTo(null);
  }

  /** It took over: whoever still asks here is to ask again. */
  succeeded(): void {
    this.#succeeded = true;
    this.#metrics.close();
  }

  /** Resolves when every worker has finished its clients, or was ended at the limit. Requests that wait go on waiting. */
  async retire(drainMs: number): Promise<void> {
    if (this.#sampler !== null) clearInterval(this.#sampler);
    this.#health.close();
    this.#certificates.close();
    this.#ticketKeys.close();
    this.#listeners.closeSockets();
    await this.#workers.close(drainMs, "keep");
  }

  tellWorkers(message: HolderMessage): void {
    this.#workers.tellAll(message);
  }

  askWorkers(question: Parameters<Member["ask"]>[0]): Promise<readonly Answer[]> {
    return this.#workers.askAll(question);
  }

  // --- what the daemon asks for ---

  /** The present one. */
  table(app: string): RouteTable | undefined {
    return this.#tables.get(app);
  }

  /** One change at a time, so that a table is either before or after another for every worker. */
  apply(table: RouteTable): Promise<AppliedRoutes> {
    return this.exclusively(() => this.#apply(table));
  }

  remove(app: string, epoch: number): Promise<void> {
    return this.exclusively(() => this.#remove(app, epoch));
  }

  /** See the contract in `api/proxy-control`. */
  async drain(app: string, instances: readonly InstanceName[], limits: DrainLimits, signal: AbortSignal): Promise<DrainOutcome> {
    this.#throwIfSucceeded();
    const order = { app, instances, limits, table: () => this.#tables.get(app) };
    return drain(this.#workers, this.#counts, order, signal);
  }

  /** See the contract in `api/proxy-control`. */
  async quiet(app: string, signal: AbortSignal): Promise<boolean> {
    this.#throwIfSucceeded();
    const asked = this.#workers.askAll({ kind: "quiet", app });
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    });
    const answers = await Promise.race([asked, aborted]);
    return answers.every(({ kind }) => kind === "done");
  }

  /** See the contract in `api/proxy-control`. */
  async mirror(app: string, request: MirrorRequest, signal: AbortSignal): Promise<MirrorFigures> {
    this.#throwIfSucceeded();
    return mirror(this.#workers, { app, ...request }, signal);
  }

  /** See the contract in `api/proxy-control`. */
  async record(app: string, forMs: number, signal: AbortSignal): Promise<readonly RecordedRequest[]> {
    this.#throwIfSucceeded();
    return record(this.#workers, { app, forMs }, signal);
  }

  /** Asks the workers for what they have not handed over yet. Null for an app it has never seen. */
  async ledger(
    app: string,
    { at, slowestSince }: { readonly at: number | null; readonly slowestSince: number | null },
  ): Promise<LedgerSnapshot | null> {
    this.#throwIfSucceeded();
    const book = this.#counts.book.find(app);
    if (book === null) return null;
    if (at !== null) return book.sampleAt(at);
    await within(this.#workers.askAll({ kind: "flush" }), FLUSH_LIMIT_MS);
    return book.snapshot(Date.now(), slowestSince ?? 0);
  }

  /** In the Prometheus text format. */
  async metrics(): Promise<string> {
    this.#throwIfSucceeded();
    await within(this.#workers.askAll({ kind: "flush" }), FLUSH_LIMIT_MS);
    const { book, logLinesDropped, connectionsRefused } = this.#counts;
    const workerRestarts = this.#workers.restarts;
    return renderMetrics({ status: this.status(), books: book.all(), workerRestarts, logLinesDropped, connectionsRefused });
  }

  status(): ProxyStatus {
    return {
      boot: this.#boot,
      pid: process.pid,
      version: this.#options.version,
      startedAt: this.#startedAt,
      workers: this.#workers.status(),
      predecessor: this.#predecessorStatus(),
      handshakes: this.#counts.handshakes,
      apps: [...this.#tables.values()].map((table) => this.#appStatus(table)),
    };
  }

  async close(drainMs: number): Promise<void> {
    this.#metrics.close();
    if (this.#sampler !== null) clearInterval(this.#sampler);
    this.#health.close();
    this.#certificates.close();
    this.#ticketKeys.close();
    await this.#workers.close(drainMs, "end");
    this.#listeners.closeSockets();
  }

  /** One change at a time, and none while another one waits for its end. */
  exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => undefined);
    return result;
  }

  async #apply(table: RouteTable): Promise<AppliedRoutes> {
    this.#throwIfSucceeded();
    const { app, epoch, revision } = table;
    const known = this.#tables.get(app);
    if (known !== undefined) throwIfOlder(known, table);
    this.#removals.throwIfOlder(app, epoch);
    const problem = claimProblem(table, [...this.#tables.values()]);
    if (problem !== null) throw new HitlessError(problem);
    await this.#certificates.read(table);
    await this.#certificates.send(app);
    await this.#listeners.open(table);
    await this.#listeners.closeOthers(table);
    this.#tables.set(app, table);
    this.#unserved.delete(app);
    await this.#save();
    const sameTargets = known !== undefined && hasSameTargets(known, table);
    if (!sameTargets) this.#health.apply(table);
    this.#metrics.apply(table);
    const answers = await this.#workers.demandAll({ kind: "routes", table, workers: this.#options.workers });
    if (!sameTargets) this.#workers.tellAll({ kind: "health", app, down: this.#health.down(app) });
    const book = this.#counts.book.book(app);
    if (!sameTargets) book.forget(new Set(instancesOf(table)));
    return { app, epoch, revision, workers: answers.length };
  }

  async #remove(app: string, epoch: number): Promise<void> {
    this.#throwIfSucceeded();
    this.#unserved.delete(app);
    const known = this.#tables.get(app);
    if (known !== undefined && epoch < known.epoch) throw staleTable(known, epoch);
    this.#removals.add(app, epoch);
    if (known === undefined) return;
    await this.#listeners.closeAllOf(app);
    await this.#workers.demandAll({ kind: "remove", app });
    this.#tables.delete(app);
    this.#certificates.remove(app);
    this.#health.remove(app);
    this.#metrics.remove(app);
    await this.#save();
  }

  async #prepare(worker: WorkerProcess): Promise<void> {
    await worker.ask({ kind: "ticketKeys", keys: this.#ticketKeys.current });
    await worker.ask({ kind: "releaseKey", key: this.#releaseKey });
    await this.#certificates.prepareChallenges(worker);
    await Promise.all(
      [...this.#tables.values()].map(async (table) => {
        await this.#certificates.prepare(worker, table.app);
        await worker.ask({ kind: "routes", table, workers: this.#options.workers });
        worker.tell({ kind: "health", app: table.app, down: this.#health.down(table.app) });
      }),
    );
    await this.#listeners.prepare(worker);
  }

  /** A full disk must not keep traffic from being moved: the file only matters to the next holder. */
  async #save(): Promise<void> {
    try {
      await this.#options.routeFile.save([...this.#tables.values(), ...this.#unserved.values()]);
    } catch (error) {
      this.#options.log.error("the route tables cannot be saved; a restarted proxy would serve older ones", {
        error: String(error),
      });
    }
  }

  #appStatus(table: RouteTable): ProxyAppStatus {
    return appStatus(table, {
      book: this.#counts.book.book(table.app),
      health: this.#health,
      listeners: this.#listeners,
      certificates: this.#certificates,
      warnings: [...this.#options.routeFile.warnings, ...this.#metrics.warnings(table.app)],
    });
  }

  #predecessorStatus(): ProxyStatus["predecessor"] {
    const before = this.#predecessor;
    return before?.alive === true ? { pid: before.pid, clientConnections: before.clientConnections } : null;
  }

  /** The workers of a proxy that was killed may still be there for a moment. */
  #tryAgainLater(table: RouteTable): void {
    setTimeout(() => {
      if (this.#unserved.get(table.app) !== table) return;
      this.apply(table).catch(() => {
        this.#tryAgainLater(table);
      });
    }, RETRY_MS);
  }

  #throwIfSucceeded(): void {
    if (!this.#succeeded) return;
    throw new HitlessError({ code: "ERR_PROXY_UNREACHABLE", what: "A new generation of the proxy has taken over; ask again." });
  }
}
