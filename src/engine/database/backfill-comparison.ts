import type { Comparison, ComparisonOutcome, Stretch } from "../../ports/database.ts";
import { rest } from "./backfill-pace.ts";
import type { WalkParts } from "./backfill-run.ts";
import { untilDone } from "./steps.ts";

/** A table of fewer rows is looked at as a whole, in one look: longer, no snapshot is held. */
const ONE_LOOK_ROWS = 2_000_000;
/** Rows (or pages) in one look at a larger one. */
const LOOK_ROWS = 250_000;
const LOOK_PAGES = 8_192;

type Compared = Extract<ComparisonOutcome, { kind: "compared" }>;

/** Looks at every row beside everybody. Null: it cannot be asked, because rows fail that have no key to leave them out by. */
export async function compareAll(parts: WalkParts, stretches: readonly Stretch[]): Promise<Comparison | null> {
  const failed = stretches.flatMap(({ cursor }) => cursor.failed ?? []);
  const { backfill } = parts.run;
  if (failed.length > 0 && stretches.some(({ key }) => key.length === 0)) return null;
  if (parts.meter.total < ONE_LOOK_ROWS) {
    const whole = { part: 0, table: backfill.table, key: backfill.key, cursor: { after: null, until: null, rows: 0, failed } };
    return (await compareRange(parts, whole, null)).comparison;
  }
  let sum: Comparison = { rows: 0, left: 0, different: backfill.differs === undefined ? null : 0 };
  for (const [index, stretch] of stretches.entries()) {
    const { key, table, cursor } = stretch;
    // What was updated may stand in pages that the table did not have when it was cut.
    const open = key.length === 0 && stretches[index + 1]?.table !== table;
    sum = plus(sum, await compareStretch(parts, open ? { ...stretch, cursor: { ...cursor, until: null } } : stretch));
  }
  if (sum.left > 0 || stretches.every(({ key }) => key.length > 0)) return sum;
  // Rows that an update has moved to other pages between two looks are seen by one look at all of them.
  const left = await parts.runner.lease.ask(`SELECT EXISTS (SELECT FROM ${backfill.table} WHERE ${backfill.where}) AS left`);
  return { ...sum, left: left ? 1 : 0 };
}

async function compareStretch(parts: WalkParts, whole: Stretch): Promise<Comparison> {
  const size = whole.key.length === 0 ? LOOK_PAGES : LOOK_ROWS;
  let sum: Comparison = { rows: 0, left: 0, different: null };
  for (let after = whole.cursor.from ?? null, took = 0; ;) {
    const { options, pacer, meter, runner } = parts;
    const { clock, signal } = runner.patience;
    await rest({ clock, signal, options, pacer, meter }, took);
    const started = clock.now();
    const found = await compareRange(parts, { ...whole, cursor: { ...whole.cursor, after } }, size);
    took = clock.now() - started;
    sum = plus(found.comparison, sum);
    if (found.after === null) return sum;
    after = found.after;
  }
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
