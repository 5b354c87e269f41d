import { addHistograms } from "../../base/histogram.ts";
import type { InstanceName } from "../../base/names.ts";
import { addCounts, NO_RELEASE, ZERO_COUNTS, type LedgerRow, type LedgerSnapshot, type SlowRequest } from "../../core/ledger.ts";
import type { SessionRoute } from "../../core/statelessness/session-routes.ts";
import { SessionBook } from "./session-book.ts";
import { Slowest } from "./slowest.ts";
import { REQUESTS_UNREPORTED_MAX, type StatusCounts, type WorkerAppDelta, type WorkerDelta } from "../messages.ts";

/** Samples of the last minutes are kept second by second, older ones thinned out. */
const FINE_MS = 120_000;
const COARSE_STEP_MS = 15_000;
const KEPT_MS = 20 * 60_000;

interface Sample {
  readonly at: number;
  readonly snapshot: LedgerSnapshot;
}

/** A worker's part that is not cumulative: what it said last. */
interface Present {
  readonly inFlight: number;
  readonly held: number;
  readonly targets: WorkerAppDelta["targets"];
}

/** Everything a book holds, for the holder that takes over. */
export interface BookData {
  readonly app: string;
  readonly rows: readonly LedgerRow[];
  readonly statuses: StatusCounts;
  readonly slowest: readonly SlowRequest[];
  readonly samples: readonly Sample[];
  readonly present: readonly (readonly [worker: number, present: Present])[];
  readonly requests: readonly (readonly [instance: InstanceName, requests: number])[];
  /** Absent: an older generation did not count them. */
  readonly sessions?: readonly SessionRoute[] | undefined;
}

/** The counts of one app, summed over all workers, those that have died included. */
export class AppBook {
  readonly app: string;
  readonly #boot: string;
  #rows = new Map<string, LedgerRow>();
  readonly #classes = new Map<string, readonly number[]>();
  readonly #refused = new Map<number, number>();
  readonly sessions = new SessionBook();
  readonly #slowest = new Slowest();
  #samples: Sample[] = [];
  #changed = true;
  readonly #present: Map<number, Present>;
  readonly #requests: Map<InstanceName, number>;

  constructor(app: string, boot: string, before?: BookData) {
    this.app = app;
    this.#boot = boot;
    this.#present = new Map(before?.present);
    this.#requests = new Map(before?.requests);
    if (before === undefined) this.sample(Date.now());
    else {
      this.#rows = new Map(before.rows.map((row) => [row.release, row]));
      this.#samples = [...before.samples];
      this.#slowest.add(before.slowest);
      this.#addStatuses(before.statuses);
      this.sessions.add(before.sessions ?? []);
    }
  }

  data(): BookData {
    return {
      app: this.app,
      rows: [...this.#rows.values()],
      statuses: { classes: [...this.#classes], refused: this.refused() },
      slowest: this.#slowest.all(),
      samples: this.#samples,
      present: [...this.#present],
      requests: [...this.#requests],
      sessions: this.sessions.all(),
    };
  }

  add(worker: number, delta: WorkerAppDelta): void {
    this.#changed = true;
    const { inFlight, held } = delta;
    const targets = delta.brief === true ? (this.#present.get(worker)?.targets ?? []) : delta.targets;
    this.#present.set(worker, { inFlight, held, targets });
    for (const row of delta.rows) this.#addRow(row);
    for (const { instance, requests } of delta.targets) this.#requests.set(instance, this.requestsOf(instance) + requests);
    this.#slowest.add(delta.slowest);
    this.#addStatuses(delta.statuses);
    this.sessions.add(delta.sessions ?? []);
  }

  /** What it had in flight, and what it may have taken since it last handed over, is shown as an upper bound. A worker that ended well leaves nothing. */
  workerGone(worker: number, orderly: boolean): void {
    // One that has handed over nothing yet may have served its first requests.
    const inFlight = this.#present.get(worker)?.inFlight ?? 0;
    this.#present.delete(worker);
    this.#changed = true;
    if (orderly) return;
    this.#addRow({
      release: NO_RELEASE,
      counts: { ...ZERO_COUNTS, unaccounted: inFlight + REQUESTS_UNREPORTED_MAX },
      latency: [],
    });
  }

  /** Answers of a release by class: none, 1xx, 2xx, 3xx, 4xx, 5xx. */
  classesOf(release: string): readonly number[] {
    return this.#classes.get(release) ?? [];
  }

  refused(): readonly (readonly [status: number, count: number])[] {
    return [...this.#refused];
  }

  get held(): number {
    return this.#sum((present) => present.held);
  }

  get inFlight(): number {
    return this.#sum((present) => present.inFlight);
  }

  inFlightOf(instance: InstanceName): number {
    return this.#sum((present) => present.targets.find((target) => target.instance === instance)?.inFlight ?? 0);
  }

  /** As `inFlightOf`, without what is never cut. */
  requestsInFlightOf(instance: InstanceName): number {
    return this.#sum(({ targets }) => {
      const target = targets.find((known) => known.instance === instance);
      return target === undefined ? 0 : target.inFlight - (target.tunnels ?? 0);
    });
  }

  /** Requests it was given since the holder started. */
  requestsOf(instance: InstanceName): number {
    return this.#requests.get(instance) ?? 0;
  }

  forget(instances: ReadonlySet<InstanceName>): void {
    for (const instance of this.#requests.keys())
      if (!instances.has(instance) && this.inFlightOf(instance) === 0) this.#requests.delete(instance);
  }

  snapshot(at: number, slowestSince = 0): LedgerSnapshot {
    return {
      boot: this.#boot,
      app: this.app,
      at,
      rows: [...this.#rows.values()],
      inFlight: this.inFlight,
      slowest: this.#slowest.since(slowestSince),
    };
  }

  /** The kept sample nearest before `at`, or the oldest one. */
  sampleAt(at: number): LedgerSnapshot | null {
    const found = this.#samples.findLast((sample) => sample.at <= at) ?? this.#samples[0];
    return found === undefined ? null : { ...found.snapshot, at: Math.max(found.at, Math.min(at, Date.now())) };
  }

  /** Called once a second; counts that did not change need no new sample. */
  sample(now: number): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#samples.push({ at: now, snapshot: this.snapshot(now) });
    this.#thin(now);
  }

  #thin(now: number): void {
    let last = 0;
    this.#samples = this.#samples.filter((sample, index) => {
      const isLast = index === this.#samples.length - 1;
      const keep = isLast || now - sample.at <= FINE_MS || (now - sample.at <= KEPT_MS && sample.at - last >= COARSE_STEP_MS);
      if (keep) last = sample.at;
      return keep;
    });
  }

  #addStatuses({ classes, refused }: StatusCounts): void {
    for (const [release, counts] of classes) {
      const known = this.#classes.get(release) ?? [];
      this.#classes.set(
        release,
        counts.map((count, index) => count + (known[index] ?? 0)),
      );
    }
    for (const [status, count] of refused) this.#refused.set(status, count + (this.#refused.get(status) ?? 0));
  }

  #addRow(row: LedgerRow): void {
    const known = this.#rows.get(row.release);
    this.#rows.set(
      row.release,
      known === undefined
        ? row
        : {
            release: row.release,
            counts: addCounts(known.counts, row.counts),
            latency: addHistograms(known.latency, row.latency),
          },
    );
  }

  #sum(of: (present: Present) => number): number {
    let sum = 0;
    for (const present of this.#present.values()) sum += of(present);
    return sum;
  }
}

/** The ledgers of all apps since the holder started. */
export class LedgerBook {
  readonly #boot: string;
  readonly #books = new Map<string, AppBook>();

  constructor(boot: string, before: readonly BookData[] = []) {
    this.#boot = boot;
    for (const data of before) this.#books.set(data.app, new AppBook(data.app, boot, data));
  }

  data(): readonly BookData[] {
    return [...this.#books.values()].map((book) => book.data());
  }

  book(app: string): AppBook {
    const known = this.#books.get(app);
    if (known !== undefined) return known;
    const fresh = new AppBook(app, this.#boot);
    this.#books.set(app, fresh);
    return fresh;
  }

  /** The workers whose present part is in some book. */
  workers(): readonly number[] {
    return [...new Set([...this.#books.values()].flatMap((book) => book.data().present.map(([worker]) => worker)))];
  }

  all(): readonly AppBook[] {
    return [...this.#books.values()];
  }

  find(app: string): AppBook | null {
    return this.#books.get(app) ?? null;
  }

  add(worker: number, delta: WorkerDelta): void {
    for (const app of delta.apps) this.book(app.app).add(worker, app);
  }

  workerGone(worker: number, orderly: boolean): void {
    for (const book of this.#books.values()) book.workerGone(worker, orderly);
  }

  sample(now: number): void {
    for (const book of this.#books.values()) book.sample(now);
  }
}
