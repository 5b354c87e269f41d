import { bucketOf, type HistogramData } from "../../base/histogram.ts";
import type { ReleaseName } from "../../base/names.ts";
import { ZERO_COUNTS, type LedgerColumn, type LedgerCounts, type SlowRequest } from "../../core/ledger.ts";

const SLOWEST_KEPT = 20;

interface Row {
  counts: Record<LedgerColumn, number>;
  latency: Map<number, number>;
}

/** What one worker counted for one app since it last handed over. Every request ends here in exactly one column. */
export class Ledger {
  #rows = new Map<ReleaseName, Row>();
  #slowest: SlowRequest[] = [];

  count(release: ReleaseName, column: LedgerColumn): void {
    this.#row(release).counts[column] += 1;
  }

  /** The time of an application's answer, in microseconds. */
  time(release: ReleaseName, us: number): void {
    const { latency } = this.#row(release);
    const bucket = bucketOf(us);
    latency.set(bucket, (latency.get(bucket) ?? 0) + 1);
  }

  /** Whether an answer of so many milliseconds is among the slowest: asked first, so that the rest costs nothing. */
  isSlow(ms: number): boolean {
    const last = this.#slowest[SLOWEST_KEPT - 1];
    return last === undefined || ms > last.ms;
  }

  noteSlow(request: SlowRequest): void {
    this.#slowest.push(request);
    this.#slowest.sort((a, b) => b.ms - a.ms);
    this.#slowest.length = Math.min(this.#slowest.length, SLOWEST_KEPT);
  }

  isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** Hands over and begins anew. */
  take(): { rows: { release: ReleaseName; counts: LedgerCounts; latency: HistogramData }[]; slowest: SlowRequest[] } {
    const rows = [...this.#rows].map(([release, row]) => ({ release, counts: row.counts, latency: sorted(row.latency) }));
    const slowest = this.#slowest;
    this.#rows = new Map();
    this.#slowest = [];
    return { rows, slowest };
  }

  #row(release: ReleaseName): Row {
    const known = this.#rows.get(release);
    if (known !== undefined) return known;
    const fresh: Row = { counts: { ...ZERO_COUNTS }, latency: new Map() };
    this.#rows.set(release, fresh);
    return fresh;
  }
}

function sorted(latency: ReadonlyMap<number, number>): HistogramData {
  return [...latency].sort(([a], [b]) => a - b);
}
