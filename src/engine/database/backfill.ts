import { HitlessError } from "../../base/error.ts";
import type { Action, Backfill } from "../../database/plan/action.ts";
import type { BackfillCursor, BatchOutcome } from "../../ports/database.ts";
import type { StepRunner } from "./steps.ts";
import { untilDone } from "./steps.ts";

/** Keys in the first batch; later ones take about the time of `AIM_MS`. */
const FIRST_SIZE = 1_000;
const FIRST_PAGES = 64;
const SMALLEST = 50;
const LARGEST = 50_000;
const AIM_MS = 150;
/** Rows that moved while they were walked over are found by walking again. */
const MOST_PASSES = 10;

export interface BackfillRun {
  readonly release: number;
  readonly action: Action;
  readonly backfill: Backfill;
  /** Where an earlier run stopped. */
  readonly from: BackfillCursor | null;
}

/** Walks a table along its key in small transactions until no row is left to do, and looks once more whether that is so. */
export async function runBackfill(runner: StepRunner, run: BackfillRun): Promise<number> {
  let from = run.from;
  let rows = 0;
  for (let pass = 1; pass <= MOST_PASSES; pass++) {
    rows = await walk(runner, { ...run, from }, rows);
    if (run.backfill.once === true || !(await isLeft(runner, run.backfill))) return rows;
    from = null;
  }
  throw new HitlessError({
    code: "ERR_DATABASE_FAILED",
    what: `${run.action.title}: rows are left after ${String(MOST_PASSES)} passes.`,
    why: `Something keeps writing rows of ${run.backfill.table} for which ${run.backfill.where}.`,
    next: "Look for a trigger that sets the column back, and deploy again.",
  });
}

async function walk(runner: StepRunner, run: BackfillRun, before: number): Promise<number> {
  const { clock } = runner.patience;
  let cursor: BackfillCursor = run.from ?? { after: null, until: null, rows: before };
  let size = run.backfill.key.length === 0 ? FIRST_PAGES : FIRST_SIZE;
  for (;;) {
    const started = clock.now();
    const outcome = await nextBatch(runner, run, { cursor, size });
    cursor = outcome.cursor;
    if (outcome.end) return cursor.rows;
    size = nextSize(size, clock.now() - started);
  }
}

/** At most twice as large, or half as large, as the one before. */
export function nextSize(size: number, tookMs: number): number {
  const factor = Math.min(2, Math.max(0.5, AIM_MS / Math.max(1, tookMs)));
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(size * factor)));
}

async function nextBatch(
  runner: StepRunner,
  { release, action, backfill }: BackfillRun,
  { cursor, size }: { cursor: BackfillCursor; size: number },
): Promise<Extract<BatchOutcome, { kind: "walked" }>> {
  const walked: Extract<BatchOutcome, { kind: "walked" }>[] = [];
  await untilDone(runner, action, async () => {
    const outcome = await runner.lease.batch({
      release,
      action: action.id,
      backfill,
      cursor,
      size,
      lockTimeoutMs: runner.patience.lockTimeoutMs,
    });
    if (outcome.kind !== "walked") return outcome;
    walked.push(outcome);
    return { kind: "done" };
  });
  const [batch] = walked;
  if (batch === undefined) throw new Error("a batch that is done has walked");
  return batch;
}

function isLeft(runner: StepRunner, { table, where }: Backfill): Promise<boolean> {
  return runner.lease.ask(`SELECT EXISTS (SELECT FROM ${table} WHERE ${where}) AS left`);
}
