import { subtractHistograms, type HistogramData } from "../base/histogram.ts";
import type { ReleaseName } from "../base/names.ts";

/**
 * Every client request that reaches the proxy ends in exactly one of these columns.
 * Health checks and previews are not client requests.
 */
export const LEDGER_COLUMNS = [
  /** The application answered (any status below 500) at the first try and at once; or the proxy did in its place (the way to HTTPS). */
  "served",
  /** As served, after a retry on another connection or target. */
  "servedAfterRetry",
  /** As served, after waiting in the proxy for a usable target. */
  "servedAfterHold",
  /** The application itself answered 5xx. */
  "appError",
  /** The client went away before its answer was complete. */
  "clientGone",
  /** Invalid, or over a limit: 4xx by the proxy. */
  "refused",
  /** Answered with the maintenance page, by the operator's wish. */
  "maintenance",
  /** Cut at the drain limit. */
  "cut",
  /** 502, 503, 504 or a broken response that the application did not send. */
  "failed",
  /** Upper bound of what a killed worker had not handed over. */
  "unaccounted",
] as const;

export type LedgerColumn = (typeof LEDGER_COLUMNS)[number];
export type LedgerCounts = Readonly<Record<LedgerColumn, number>>;

/** The columns that make up *lost*; the product is that their sum is 0. */
export const LOST_COLUMNS = ["cut", "failed", "unaccounted"] as const satisfies readonly LedgerColumn[];

/** The release of requests that ended before a target was chosen. */
export const NO_RELEASE = "-";

export interface LedgerRow {
  readonly release: ReleaseName;
  readonly counts: LedgerCounts;
  /** Microseconds from the first byte of the request to the last byte of the response; application answers only. */
  readonly latency: HistogramData;
}

/** Cumulative counts of one app since the holder of the proxy started (`boot` tells one start from the next). */
export interface LedgerSnapshot {
  readonly boot: string;
  readonly app: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly rows: readonly LedgerRow[];
  readonly inFlight: number;
  /** The slowest answered requests since the moment asked for (at most twenty minutes back), slowest first, at most 20. */
  readonly slowest: readonly SlowRequest[];
}

export interface SlowRequest {
  readonly at: number;
  readonly ms: number;
  readonly method: string;
  readonly path: string;
  readonly release: ReleaseName;
  readonly status: number;
}

export const ZERO_COUNTS: LedgerCounts = Object.freeze({
  served: 0,
  servedAfterRetry: 0,
  servedAfterHold: 0,
  appError: 0,
  clientGone: 0,
  refused: 0,
  maintenance: 0,
  cut: 0,
  failed: 0,
  unaccounted: 0,
});

/** Counts of an older version lack the columns that came later. */
export function wholeCounts(counts: Partial<LedgerCounts>): LedgerCounts {
  return { ...ZERO_COUNTS, ...counts };
}

export function addCounts(a: LedgerCounts, b: LedgerCounts): LedgerCounts {
  return combineCounts(a, b, 1);
}

export function totalOf(counts: LedgerCounts): number {
  return LEDGER_COLUMNS.reduce((sum, column) => sum + counts[column], 0);
}

export function lostOf(counts: LedgerCounts): number {
  return LOST_COLUMNS.reduce((sum, column) => sum + counts[column], 0);
}

export function sumRows(rows: readonly LedgerRow[]): LedgerCounts {
  return rows.reduce((sum, row) => addCounts(sum, row.counts), ZERO_COUNTS);
}

/** What came after `earlier` up to `later`, per release. Both must be of the same boot. */
export function ledgerBetween(earlier: LedgerSnapshot | null, later: LedgerSnapshot): readonly LedgerRow[] {
  if (earlier === null || earlier.boot !== later.boot) return later.rows.map(wholeRow);
  const before = new Map(earlier.rows.map((row) => [row.release, row]));
  return later.rows.map((row) => subtractRow(row, before.get(row.release))).filter((row) => totalOf(row.counts) > 0);
}

function wholeRow(row: LedgerRow): LedgerRow {
  return { ...row, counts: wholeCounts(row.counts) };
}

function subtractRow(row: LedgerRow, before: LedgerRow | undefined): LedgerRow {
  if (before === undefined) return wholeRow(row);
  return {
    release: row.release,
    counts: combineCounts(row.counts, before.counts, -1),
    latency: subtractHistograms(row.latency, before.latency),
  };
}

function combineCounts(one: Partial<LedgerCounts>, other: Partial<LedgerCounts>, sign: 1 | -1): LedgerCounts {
  const [a, b] = [wholeCounts(one), wholeCounts(other)];
  return Object.fromEntries(LEDGER_COLUMNS.map((column) => [column, a[column] + sign * b[column]])) as LedgerCounts;
}
