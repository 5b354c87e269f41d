import { randomUUID } from "node:crypto";
import { HitlessError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { InstanceName } from "../../base/names.ts";
import type { AppliedRoutes, ProxyAppStatus, ProxyStatus, ProxyTargetStatus } from "../../api/proxy-control.ts";
import { claimProblem } from "../../core/claims.ts";
import type { LedgerSnapshot } from "../../core/ledger.ts";
import type { DrainOutcome, RouteTable } from "../../core/routes.ts";
import type { WorkerDelta } from "../messages.ts";
import { CertificateStore } from "../tls/certificate-store.ts";
import { TicketKeys } from "../tls/ticket-keys.ts";
import { AppListeners } from "./app-listeners.ts";
import { HealthChecks } from "./health-checks.ts";
import { type AppBook, LedgerBook } from "./ledger-book.ts";
import type { RouteFile } from "./route-file.ts";
import { WorkerGroup } from "./worker-group.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface HolderOptions {
  readonly workers: number;
  readonly version: string;
  /** Of its own, for what must outlive it. */
  readonly directory: string;
  readonly routeFile: RouteFile;
  readonly log: Logger;
}

const SAMPLE_MS = 1_000;
const FLUSH_LIMIT_MS = 1_000;
/** How long a cut may take until the workers have acknowledged it. */
const CUT_LIMIT_MS = 2_000;

/**
 * The heart of the data plane: holds the listening sockets, the route tables and the counts, and keeps workers running on them. It serves no
 * request itself, so that it need never be restarted while the workers are.
 */
export class Holder {
  readonly #options: HolderOptions;
  readonly #boot = randomUUID();
  readonly #startedAt = Date.now();
  readonly #tables = new Map<string, RouteTable>();
  readonly #book = new LedgerBook(this.#boot);
  readonly #health = new HealthChecks((app) => {
    this.#workers.tellAll({ kind: "health", app, down: this.#health.down(app) });
  });
  readonly #workers: WorkerGroup;
  readonly #listeners: AppListeners;
  readonly #certificates: CertificateStore;
  readonly #ticketKeys: TicketKeys;
  #handshakes = { completed: 0, resumed: 0, failed: 0 };
  #sampler: NodeJS.Timeout | null = null;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: HolderOptions) {
    this.#options = options;
    const events = {
      onCounts: (worker: WorkerProcess, delta: WorkerDelta) => {
        this.#book.add(worker.pid, delta);
        this.#countHandshakes(delta);
      },
      onExit: (worker: WorkerProcess, how: string) => {
        this.#book.workerGone(worker.pid, how === "exited with code 0");
      },
    };
    this.#workers = new WorkerGroup(options.workers, events, (worker) => this.#prepare(worker), options.log);
    this.#listeners = new AppListeners(this.#workers, options.log);
    this.#ticketKeys = new TicketKeys(options.directory, options.log, () => {
      void this.#workers.demandAll({ kind: "ticketKeys", keys: this.#ticketKeys.current });
    });
    this.#certificates = new CertificateStore({
      log: options.log,
      onChange: (app) => {
        void this.#exclusively(() => this.#sendCertificates(app));
      },
    });
  }

  /** Serves what the saved tables say, before anybody asks for it. */
  async start(): Promise<void> {
    for (const table of await this.#options.routeFile.load()) {
      try {
        await this.#certificates.apply(table.app, table.tls);
        await this.#listeners.open(table);
        this.#tables.set(table.app, table);
        this.#health.apply(table);
      } catch (error) {
        this.#options.log.error("a saved app cannot be served", { app: table.app, error: String(error) });
      }
    }
    await this.#ticketKeys.start();
    await this.#workers.start();
    this.#certificates.start();
    this.#sampler = setInterval(() => {
      this.#book.sample(Date.now());
    }, SAMPLE_MS);
  }

  /** One change at a time, so that a table is either before or after another for every worker. */
  apply(table: RouteTable): Promise<AppliedRoutes> {
    return this.#exclusively(() => this.#apply(table));
  }

  remove(app: string, epoch: number): Promise<void> {
    return this.#exclusively(() => this.#remove(app, epoch));
  }

  /** See the contract in `api/proxy-control`. Waits at most `timeoutMs`, then cuts. */
  async drain(app: string, instances: readonly InstanceName[], timeoutMs: number, signal: AbortSignal): Promise<DrainOutcome> {
    this.#throwIfRouted(app, instances);
    const begun = Date.now();
    const drained = this.#workers.askAll({ kind: "drain", app, instances });
    let cut = 0;
    if (!(await within(drained, timeoutMs, signal))) {
      signal.throwIfAborted();
      cut = instances.reduce((sum, instance) => sum + (this.#book.find(app)?.inFlightOf(instance) ?? 0), 0);
      this.#workers.tellAll({ kind: "cut", app, instances });
      await within(drained, CUT_LIMIT_MS, signal);
    }
    return { cut, ms: Date.now() - begun };
  }

  /** Asks the workers for what they have not handed over yet. Null for an app it has never seen. */
  async ledger(
    app: string,
    { at, slowestSince }: { readonly at: number | null; readonly slowestSince: number | null },
  ): Promise<LedgerSnapshot | null> {
    const book = this.#book.find(app);
    if (book === null) return null;
    if (at !== null) return book.sampleAt(at);
    await within(this.#workers.askAll({ kind: "flush" }), FLUSH_LIMIT_MS);
    return book.snapshot(Date.now(), slowestSince ?? 0);
  }

  status(): ProxyStatus {
    const workers = this.#workers.workers.map(({ pid, generation, clientConnections }) => ({
      pid,
      generation,
      clientConnections,
    }));
    return {
      boot: this.#boot,
      pid: process.pid,
      version: this.#options.version,
      startedAt: this.#startedAt,
      workers,
      handshakes: this.#handshakes,
      apps: [...this.#tables.values()].map((table) => this.#appStatus(table)),
    };
  }

  async close(drainMs: number): Promise<void> {
    if (this.#sampler !== null) clearInterval(this.#sampler);
    this.#health.close();
    this.#certificates.close();
    this.#ticketKeys.close();
    await this.#workers.close(drainMs);
    this.#listeners.closeSockets();
  }

  async #apply(table: RouteTable): Promise<AppliedRoutes> {
    const { app, epoch, revision } = table;
    const known = this.#tables.get(app);
    if (known !== undefined) throwIfOlder(known, table);
    const problem = claimProblem(table, [...this.#tables.values()]);
    if (problem !== null) throw new HitlessError(problem);
    await this.#certificates.apply(app, table.tls);
    await this.#sendCertificates(app);
    await this.#listeners.open(table);
    await this.#listeners.closeOthers(table);
    this.#tables.set(app, table);
    await this.#save();
    this.#health.apply(table);
    const answers = await this.#workers.demandAll({ kind: "routes", table });
    this.#workers.tellAll({ kind: "health", app, down: this.#health.down(app) });
    const kept = new Set(table.pools.flatMap((pool) => pool.targets.map((target) => target.instance)));
    this.#book.book(app).forget(kept);
    return { app, epoch, revision, workers: answers.length };
  }

  async #remove(app: string, epoch: number): Promise<void> {
    const known = this.#tables.get(app);
    if (known === undefined) return;
    if (epoch < known.epoch) throw stale(known, epoch);
    await this.#listeners.closeAllOf(app);
    await this.#workers.demandAll({ kind: "remove", app });
    this.#tables.delete(app);
    this.#certificates.remove(app);
    this.#health.remove(app);
    await this.#save();
  }

  async #sendCertificates(app: string): Promise<void> {
    await this.#workers.demandAll({ kind: "certificates", app, certificates: this.#certificates.of(app) });
  }

  async #prepare(worker: WorkerProcess): Promise<void> {
    await worker.ask({ kind: "ticketKeys", keys: this.#ticketKeys.current });
    await Promise.all(
      [...this.#tables.values()].map(async (table) => {
        await worker.ask({ kind: "certificates", app: table.app, certificates: this.#certificates.of(table.app) });
        await worker.ask({ kind: "routes", table });
        worker.tell({ kind: "health", app: table.app, down: this.#health.down(table.app) });
        await this.#listeners.prepare(worker, table.app);
      }),
    );
  }

  /** A full disk must not keep traffic from being moved: the file only matters to the next holder. */
  async #save(): Promise<void> {
    try {
      await this.#options.routeFile.save([...this.#tables.values()]);
    } catch (error) {
      this.#options.log.error("the route tables cannot be saved; a restarted proxy would serve older ones", {
        error: String(error),
      });
    }
  }

  #throwIfRouted(app: string, instances: readonly InstanceName[]): void {
    const routed = this.#tables.get(app)?.pools.flatMap((pool) => pool.targets.map((target) => target.instance)) ?? [];
    const wrong = instances.filter((instance) => routed.includes(instance));
    if (wrong.length === 0) return;
    throw new HitlessError({
      code: "ERR_PROXY_REFUSED",
      what: `${wrong.join(", ")} cannot be drained: the route table still sends requests there.`,
    });
  }

  #countHandshakes({ handshakes: { completed, resumed, failed } }: WorkerDelta): void {
    const sum = this.#handshakes;
    this.#handshakes = {
      completed: sum.completed + completed,
      resumed: sum.resumed + resumed,
      failed: sum.failed + failed,
    };
  }

  #tlsStatus({ app, tls }: RouteTable): ProxyAppStatus["tls"] {
    if (tls === null) return null;
    const listen = this.#listeners.address(app, "secure") ?? tls.listen;
    return { listen, certificates: this.#certificates.status(app, Date.now()) };
  }

  #appStatus(table: RouteTable): ProxyAppStatus {
    const book = this.#book.book(table.app);
    const down = new Set(this.#health.down(table.app));
    const targets = table.pools.flatMap((pool) =>
      pool.targets.map((target) => this.#targetStatus(table.app, target.instance, down, book)),
    );
    const { app, epoch, revision } = table;
    const listen = this.#listeners.address(app, "plain") ?? table.listen;
    return { app, epoch, revision, listen, tls: this.#tlsStatus(table), targets, held: book.held };
  }

  #targetStatus(app: string, instance: InstanceName, down: ReadonlySet<InstanceName>, book: AppBook): ProxyTargetStatus {
    return {
      instance,
      state: down.has(instance) ? "down" : "up",
      inFlight: book.inFlightOf(instance),
      requests: book.requestsOf(instance),
      lastFailure: this.#health.lastFailure(app, instance),
    };
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => undefined);
    return result;
  }
}

/** An identical table is acknowledged again: the daemon may not have heard the first answer. */
function throwIfOlder(known: RouteTable, table: RouteTable): void {
  const newer = table.epoch > known.epoch || (table.epoch === known.epoch && table.revision > known.revision);
  if (newer || JSON.stringify(known) === JSON.stringify(table)) return;
  throw stale(known, table.epoch, table.revision);
}

function stale(known: RouteTable, epoch: number, revision?: number): HitlessError {
  return new HitlessError({
    code: "ERR_STALE_EPOCH",
    what: `The proxy has a newer route table of ${known.app}.`,
    why: `It has epoch ${String(known.epoch)}, revision ${String(known.revision)}; it was sent epoch ${String(epoch)}${revision === undefined ? "" : `, revision ${String(revision)}`}.`,
  });
}

/** True if the promise settles in time; false at the limit or when the signal is aborted. */
async function within(promise: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let aborted: (() => void) | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, ms);
    aborted = () => {
      resolve(false);
    };
    signal?.addEventListener("abort", aborted, { once: true });
  });
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
    if (aborted !== undefined) signal?.removeEventListener("abort", aborted);
  }
}
