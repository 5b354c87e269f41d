import { bucketOf, type HistogramData } from "../../base/histogram.ts";
import type { ReleaseName } from "../../base/names.ts";
import { ZERO_COUNTS, type LedgerColumn, type SlowRequest } from "../../core/ledger.ts";

import type { WorkerAppDelta } from "../messages.ts";

const SLOWEST_KEPT = 20;
/** Of each span of so many milliseconds the slowest are told. */
const SLOWEST_SPAN_MS = 1_000;

interface Row {
  /** Answers by the class of their status; at 0 those without one. */
  classes: number[];
  counts: Record<LedgerColumn, number>;
  latency: Map<number, number>;
}

/** What one worker counted for one app since it last handed over. Every request ends here in exactly one column. */
export class Ledger {
  #rows = new Map<ReleaseName, Row>();
  /** By status. */
  #refused = new Map<number, number>();
  /** Not handed over yet. */
  #slowest: SlowRequest[] = [];
  /** The times of the slowest of the present span, longest first. */
  #longest: number[] = [];
  #spanSince = 0;

  /** `status`: what the client got, 0 for nothing. */
  count(release: ReleaseName, column: LedgerColumn, status: number): void {
    const { counts, classes } = this.#row(release);
    counts[column] += 1;
    const index = Math.trunc(status / 100);
    classes[index] = (classes[index] ?? 0) + 1;
    if (column === "refused") this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
  }

  /** The time of an application's answer, in microseconds. */
  time(release: ReleaseName, us: number): void {
    const { latency } = this.#row(release);
    const bucket = bucketOf(us);
    latency.set(bucket, (latency.get(bucket) ?? 0) + 1);
  }

  /** Whether an answer of so many milliseconds is among the slowest: asked first, so that the rest costs nothing. */
  isSlow(ms: number): boolean {
    const last = this.#longest[SLOWEST_KEPT - 1];
    return last === undefined || ms > last;
  }

  noteSlow(request: SlowRequest): void {
    if (request.at - this.#spanSince > SLOWEST_SPAN_MS) {
      this.#spanSince = request.at;
      this.#longest = [];
    }
    this.#slowest.push(request);
    this.#longest.push(request.ms);
    this.#longest.sort((a, b) => b - a);
    this.#longest.length = Math.min(this.#longest.length, SLOWEST_KEPT);
  }

  isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** Hands over and begins anew. */
  take(): Pick<WorkerAppDelta, "rows" | "slowest" | "statuses"> {
    const rows = [...this.#rows].map(([release, row]) => ({ release, counts: row.counts, latency: sorted(row.latency) }));
    const slowest = this.#slowest;
    const classes = [...this.#rows].map(([release, row]) => [release, row.classes] as const);
    const statuses = { classes, refused: [...this.#refused] };
    this.#rows = new Map();
    this.#refused = new Map();
    this.#slowest = [];
    if (Date.now() - this.#spanSince > SLOWEST_SPAN_MS) this.#longest = [];
    return { rows, slowest, statuses };
  }

  /** Hands over what must not be lost with this worker, in as little as can be: how many requests ended in which column. */
  takeCounts(): WorkerAppDelta["rows"] {
    const rows: WorkerAppDelta["rows"][number][] = [];
    for (const [release, row] of this.#rows) {
      rows.push({ release, counts: row.counts, latency: [] });
      row.counts = { ...ZERO_COUNTS };
    }
    return rows;
  }

  #row(release: ReleaseName): Row {
    const known = this.#rows.get(release);
    if (known !== undefined) return known;
    const fresh: Row = { classes: [0, 0, 0, 0, 0, 0], counts: { ...ZERO_COUNTS }, latency: new Map() };
    this.#rows.set(release, fresh);
    return fresh;
  }
}

function sorted(latency: ReadonlyMap<number, number>): HistogramData {
  return [...latency].sort(([a], [b]) => a - b);
}
