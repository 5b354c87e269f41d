import { firstSize, nextSize } from "../../database/backfill/batch-size.ts";
import type { Comparison, ComparisonOutcome, Stretch } from "../../ports/database.ts";
import type { Pace } from "./backfill-options.ts";
import { batchTargetMs, rest } from "./backfill-pace.ts";
import type { WalkParts } from "./backfill-run.ts";
import { untilDone } from "./steps.ts";

/** A table of fewer rows is looked at as a whole where nobody feels it, or where it has no key: longer, no snapshot is held. */
const ONE_LOOK_ROWS = 2_000_000;

/** So many times as many rows as a first batch has are in the first look: to read is less than to change. */
const READING = 4;

type Compared = Extract<ComparisonOutcome, { kind: "compared" }>;

/**
 * Looks at every row beside everybody, as gently as it was walked: range by range, where there is anybody to feel it. Null: it cannot be asked, because
 * rows fail that have no key to leave them out by.
 */
export async function compareAll(parts: WalkParts, stretches: readonly Stretch[]): Promise<Comparison | null> {
  const failed = stretches.flatMap(({ cursor }) => cursor.failed ?? []);
  const { backfill } = parts.run;
  if (failed.length > 0 && stretches.some(({ key }) => key.length === 0)) return null;
  parts.meter.compare();
  const { speed, batchShare = 1 } = await restAfter(parts, 0);
  const hasKey = backfill.key.length > 0;
  if (parts.meter.total < ONE_LOOK_ROWS && (!hasKey || Math.min(speed, batchShare) >= 1)) {
    const whole = { part: 0, table: backfill.table, key: backfill.key, cursor: { after: null, until: null, rows: 0, failed } };
    return (await compareRange(parts, whole, null)).comparison;
  }
  // Rows stay where they are along a key, and do not along the pages.
  if (hasKey) return compareEach(parts, byKey(stretches, backfill.key));
  const sum = await compareEach(parts, stretches.map(openAtItsEnd));
  if (sum.left > 0) return sum;
  return { ...sum, left: (await isAnyLeft(parts)) ? 1 : 0 };
}

/**
 * Rows that an update has moved to other pages between two looks are seen by one look at all of them, with one snapshot. To make it slower would be to
 * keep that snapshot for longer, and dead rows of every table with it. It ends at the server when the walk does.
 */
async function isAnyLeft({ runner, run: { backfill } }: WalkParts): Promise<boolean> {
  const { signal } = runner.patience;
  const question = `SELECT EXISTS (SELECT FROM ${backfill.table} WHERE ${backfill.where}) AS left`;
  return runner.lease.ask(question, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}

/** What was walked along its pages has a key all the same, of which each table is one range. */
function byKey(stretches: readonly Stretch[], key: readonly string[]): readonly Stretch[] {
  if (stretches.every((stretch) => stretch.key.length > 0)) return stretches;
  const tables = [...new Set(stretches.map(({ table }) => table))];
  return tables.map((table, part) => ({ part, table, key, cursor: { after: null, until: null, rows: 0 } }));
}

/** What was updated may stand in pages that the table did not have when it was cut. */
function openAtItsEnd(stretch: Stretch, index: number, all: readonly Stretch[]): Stretch {
  return all[index + 1]?.table === stretch.table ? stretch : { ...stretch, cursor: { ...stretch.cursor, until: null } };
}

async function compareEach(parts: WalkParts, stretches: readonly Stretch[]): Promise<Comparison> {
  let sum: Comparison = { rows: 0, left: 0, different: parts.run.backfill.differs === undefined ? null : 0 };
  for (const stretch of stretches) sum = plus(sum, await compareStretch(parts, stretch));
  return sum;
}

/** Looks are as long as batches are, and as rare. */
async function compareStretch(parts: WalkParts, whole: Stretch): Promise<Comparison> {
  const { clock } = parts.runner.patience;
  let sum: Comparison = { rows: 0, left: 0, different: null };
  const first = firstSize(whole.key.length === 0 ? "pages" : "rows");
  let size = { ...first, size: first.size * READING };
  for (let after = whole.cursor.from ?? null, took = 0; ;) {
    const pace = await restAfter(parts, took);
    const started = clock.now();
    const found = await compareRange(parts, { ...whole, cursor: { ...whole.cursor, after } }, size.size);
    took = clock.now() - started;
    size = nextSize(size, took, batchTargetMs(parts.options, pace));
    sum = plus(found.comparison, sum);
    if (found.after === null) return sum;
    after = found.after;
  }
}

function restAfter({ options, pacer, meter, runner }: WalkParts, tookMs: number): Promise<Pace> {
  const { clock, signal } = runner.patience;
  return rest({ clock, signal, options, pacer, meter }, tookMs);
}

async function compareRange({ runner, run, quiet }: WalkParts, stretch: Stretch, size: number | null): Promise<Compared> {
  const found: Compared[] = [];
  const { lockTimeoutMs } = runner.patience;
  await untilDone(runner, run.action, async () => {
    const { release, action, backfill } = run;
    const outcome = await runner.lease.compare({ release, action: action.id, backfill, stretch, size, quiet, lockTimeoutMs });
    if (outcome.kind !== "compared") return outcome;
    found.push(outcome);
    return { kind: "done" };
  });
  const [compared] = found;
  if (compared === undefined) throw new Error("a comparison that is done has compared");
  return compared;
}

function plus(one: Comparison, other: Comparison): Comparison {
  return {
    rows: one.rows + other.rows,
    left: one.left + other.left,
    different: one.different === null ? null : one.different + (other.different ?? 0),
  };
}
