import type { Table } from "../catalog.ts";
import { qualified } from "../names.ts";

/** A backfill that has come to its end on this database. */
export interface MeasuredBackfill {
  /** Quoted, with its schema. */
  readonly table: string;
  /** Of the run that ended it. */
  readonly rowsPerSecond: number;
  readonly ms: number;
  /** Of these, in which nobody walked, for the load's or the operator's sake. */
  readonly pausedMs: number;
}

export interface ExpectedRate {
  /** Rows, at full speed. */
  readonly perSecond: number;
  /** From what that is known, for people. */
  readonly basis: string;
}

/** Rows, before one was measured. */
export const ASSUMED_PER_SECOND = 50_000;
/** What is over sooner measures its beginning and its end. */
const LEAST_ROWS = 1_000;
/** So many of the last are looked at. */
const MOST = 5;
/** What a new version of a row costs beside its own bytes: its head and its place in the log; and an entry in each index. */
const ROW_BYTES = 100;
const INDEX_BYTES = 100;
const PAGE_BYTES = 8_192;

/** How fast rows of a table should be filled: as its own backfills were, or those of others by what a row costs, or a guess. `runs`: newest first. */
export function expectedRate(table: Table, runs: readonly MeasuredBackfill[], tables: readonly Table[]): ExpectedRate {
  const telling = runs.filter((run) => (run.rowsPerSecond * run.ms) / 1_000 >= LEAST_ROWS && run.ms > run.pausedMs);
  const own = telling.filter((run) => run.table === qualified(table)).slice(0, MOST);
  if (own.length > 0) return { perSecond: median(own.map(fullSpeed)), basis: `as measured on ${counted(own.length)} of it` };
  const others = telling.flatMap((run) => speedFor(table, run, tables)).slice(0, MOST);
  if (others.length === 0) return { perSecond: ASSUMED_PER_SECOND, basis: "assumed: no backfill was measured here yet" };
  const basis = `as measured on ${counted(others.length)} of other tables, by the size of a row and its indexes`;
  return { perSecond: median(others), basis };
}

function speedFor(table: Table, run: MeasuredBackfill, tables: readonly Table[]): readonly number[] {
  const other = tables.find((candidate) => qualified(candidate) === run.table);
  return other === undefined ? [] : [(fullSpeed(run) * costOf(other)) / costOf(table)];
}

function fullSpeed({ rowsPerSecond, ms, pausedMs }: MeasuredBackfill): number {
  return (rowsPerSecond * ms) / (ms - pausedMs);
}

function costOf({ rows, pages, indexes }: Table): number {
  return ROW_BYTES + (rows > 0 ? (pages * PAGE_BYTES) / rows : 0) + indexes.length * INDEX_BYTES;
}

function counted(backfills: number): string {
  return `${String(backfills)} earlier backfill${backfills === 1 ? "" : "s"}`;
}

/** To two digits: it is an estimate. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? ASSUMED_PER_SECOND;
  return Math.max(1, Number(middle.toPrecision(2)));
}
