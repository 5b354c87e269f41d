import { HitlessError } from "../../base/error.ts";
import { ident } from "../../database/names.ts";
import type { BackfillRecord, Comparison, Stretch, Survey, SurveyOutcome } from "../../ports/database.ts";
import { compareAll } from "./backfill-comparison.ts";
import { BackfillMeter } from "./backfill-meter.ts";
import { DEFAULT_WORKERS, type BackfillOptions } from "./backfill-options.ts";
import { surveyTexts } from "./backfill-words.ts";
import type { BackfillRun, WalkParts } from "./backfill-run.ts";
import { BackfillWalk } from "./backfill-walk.ts";
import { untilDone, type StepRunner } from "./steps.ts";

/** Rows that moved while they were walked over are found by walking again. */
const MOST_PASSES = 10;
/** So that a worker that comes later, or is faster, finds something to do. */
const STRETCHES_PER_WORKER = 4;

/**
 * Walks a table along its key in small transactions until no row is left to do, and looks at the end whether that is so. Cut anywhere, the next run
 * goes on where this one was. The record has `failed` rows where it is not complete.
 */
export async function runBackfill(given: StepRunner, run: BackfillRun, options: BackfillOptions = {}): Promise<BackfillRecord> {
  const runner = heeding(given, options.signal);
  checkOnce(run);
  const survey = await surveyed(runner, run, options);
  for (const text of surveyTexts(run.action, survey)) runner.note(text);
  const begun = await begin(runner, run, survey);
  const meter = new BackfillMeter({
    clock: runner.patience.clock,
    total: survey.rows,
    cursors: begun.map(({ cursor }) => cursor),
    onProgress: options.onProgress ?? (() => undefined),
  });
  const pacer = options.pacer?.(run.backfill.table) ?? null;
  const parts: WalkParts = { runner, run, options, pacer, meter, quiet: survey.quiet, halves: survey.halves };
  const { stretches, workers, comparison } = await walkToTheEnd(parts, begun);
  const record = recordOf({ run, survey, meter, stretches, workers, comparison });
  await runner.lease.keep(run.release, run.action.id, record);
  return record;
}

function heeding(runner: StepRunner, signal: AbortSignal | undefined): StepRunner {
  if (signal === undefined) return runner;
  return { ...runner, patience: { ...runner.patience, signal: AbortSignal.any([runner.patience.signal, signal]) } };
}

/** A row whose key moves ahead of the walk would be met, and changed, twice. */
function checkOnce({ action, backfill: { once, key, columns } }: BackfillRun): void {
  const moving = once === true ? key.filter((column) => columns?.some((name) => ident(name) === column)) : [];
  if (moving.length === 0) return;
  throw new HitlessError({
    code: "ERR_DATABASE_REFUSED",
    what: `${action.title} changes ${moving.join(", ")}, along which it would walk.`,
    why: "A row that moves ahead of the walk would be met, and changed, twice.",
    next: "Write a condition that is false for rows that are done, or fill a second column.",
  });
}

async function surveyed(runner: StepRunner, { action, backfill }: BackfillRun, options: BackfillOptions): Promise<Survey> {
  const found: SurveyOutcome[] = [];
  await untilDone(runner, action, async () => {
    const outcome = await runner.lease.survey(backfill, (options.workers ?? DEFAULT_WORKERS) * STRETCHES_PER_WORKER);
    found.push(outcome);
    return outcome.kind === "surveyed" ? { kind: "done" } : outcome;
  });
  const last = found.at(-1);
  if (last?.kind !== "surveyed") throw new Error("a survey that is done has surveyed");
  return last.survey;
}

/** What an earlier run has written down counts; the first writes down where it will walk. */
async function begin(
  { lease }: StepRunner,
  { release, action, backfill, from }: BackfillRun,
  survey: Survey,
): Promise<readonly Stretch[]> {
  const there = await lease.stretches(release, action.id);
  if (there.length > 0) return there;
  const whole = { part: 0, table: backfill.table, key: backfill.key };
  const stretches = from === null ? survey.stretches : [{ ...whole, cursor: from }];
  await lease.begin(release, action.id, stretches);
  return stretches;
}

interface Walked {
  readonly stretches: readonly Stretch[];
  readonly workers: number;
  readonly comparison: Comparison | null;
}

async function walkToTheEnd(parts: WalkParts, begun: readonly Stretch[]): Promise<Walked> {
  const { runner, run } = parts;
  let stretches = await new BackfillWalk(parts, begun).retry();
  let workers = 1;
  for (let pass = 1; pass <= MOST_PASSES; pass++) {
    const walk = new BackfillWalk(parts, stretches);
    stretches = await walk.run();
    workers = Math.max(workers, walk.workers);
    if (run.backfill.once === true) return { stretches, workers, comparison: null };
    const comparison = await compareAll(parts, stretches);
    if (comparison === null || comparison.left === 0) return { stretches, workers, comparison };
    stretches = stretches.map(rewound);
    await runner.lease.begin(run.release, run.action.id, stretches);
  }
  throw new HitlessError({
    code: "ERR_DATABASE_FAILED",
    what: `${run.action.title}: rows are left after ${String(MOST_PASSES)} passes.`,
    why: `Something keeps writing rows of ${run.backfill.table} for which ${run.backfill.where}.`,
    next: "Look for a trigger that sets the column back, and deploy again.",
  });
}

/** At its beginning again; what is counted stays. */
function rewound(stretch: Stretch): Stretch {
  const { from, until, rows } = stretch.cursor;
  return { ...stretch, cursor: { from, until, rows, after: from ?? null } };
}

interface Ended extends Walked {
  readonly run: BackfillRun;
  readonly survey: Survey;
  readonly meter: BackfillMeter;
}

function recordOf({ run, survey, meter, stretches, workers, comparison }: Ended): BackfillRecord {
  const { rows, bytes, rowsPerSecond } = survey;
  return {
    table: run.backfill.table,
    rows: meter.rows,
    walked: meter.walked,
    ms: meter.ms,
    pausedMs: meter.pausedMs,
    workers,
    rowsPerSecond: Math.round(meter.rowsPerSecond),
    estimate: { rows, bytes, ms: rowsPerSecond === null ? null : Math.round((rows / rowsPerSecond) * 1_000) },
    comparison,
    failed: stretches.flatMap(({ cursor }) => cursor.failed ?? []),
  };
}
