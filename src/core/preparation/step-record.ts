import type { Failure } from "../../base/error.ts";
import type { StepDefinition } from "./step-definition.ts";
import { windowLeftMs } from "./step-window.ts";

export const STEP_STATES = ["waiting", "running", "paused", "done", "failed", "cancelled", "incomplete"] as const;
export type StepState = (typeof STEP_STATES)[number];

export interface StepProgress {
  readonly done: number;
  /** Null: nobody knows. */
  readonly total: number | null;
  readonly perSecond: number | null;
  readonly etaMs: number | null;
}

/** What is kept of a step, from the first preparation that knew it on. Times are milliseconds since the epoch. */
export interface StepRecord {
  readonly app: string;
  readonly definition: StepDefinition;
  /** The prepared snapshot it is run from. */
  readonly snapshot: string;
  /** Steps of one lane run one at a time: those of one database, whoever's they are. Null: it disturbs nobody. */
  readonly lane: string | null;
  readonly state: StepState;
  /** Why it does not run, or not faster; null: it does. */
  readonly reason: string | null;
  readonly progress: StepProgress | null;
  /** Goes up whenever it is begun from the start or from its checkpoint. */
  readonly attempt: number;
  /** Of work, over all attempts. */
  readonly workedMs: number;
  /** Of work, that its budget allows; null: any. */
  readonly allowanceMs: number | null;
  /** How often its SQL was ended before its end, and is to begin anew; none: never. */
  readonly cuts?: number | undefined;
  readonly throttle: number;
  /** An operator wants it now: its window does not count. */
  readonly anyTime: boolean;
  /** Who has said that what it waits for may be. */
  readonly approvedBy: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** As it was expected before it began. */
  readonly estimateMs: number | null;
  /** What it took when it was done the last time, kept for the next. */
  readonly last: { readonly ms: number; readonly done: number } | null;
  readonly failure: Failure | null;
}

export interface NewStep {
  readonly app: string;
  readonly snapshot: string;
  /** Where the app's database is; null: it has none. */
  readonly database: string | null;
  readonly now: number;
}

/** A record of a step that has not begun; `before` is that of an earlier one of its name. */
export function newRecord(
  definition: StepDefinition,
  { app, snapshot, database, now }: NewStep,
  before: StepRecord | null,
): StepRecord {
  const last =
    before === null ? null : before.state === "done" ? { ms: before.workedMs, done: before.progress?.done ?? 0 } : before.last;
  return {
    app,
    definition,
    snapshot,
    lane: laneOf(definition, app, database),
    state: "waiting",
    reason: null,
    progress: null,
    attempt: before?.attempt ?? 0,
    workedMs: 0,
    allowanceMs: definition.maxTimeMs,
    throttle: definition.throttle,
    anyTime: false,
    approvedBy: null,
    createdAt: now,
    startedAt: null,
    endedAt: null,
    estimateMs: last?.ms ?? null,
    last,
    failure: null,
  };
}

function laneOf({ work }: StepDefinition, app: string, database: string | null): string | null {
  return work.kind === "wait" ? null : (database ?? app);
}

export function isOver({ state }: Pick<StepRecord, "state">): boolean {
  return state === "done" || state === "cancelled";
}

/** For how long an attempt that begins now may go on, as window and budget have it; null: there is no end to it. */
export function timeLeftMs({ definition: { window }, anyTime, allowanceMs, workedMs }: StepRecord, now: number): number | null {
  const open = window === null || anyTime ? null : windowLeftMs(window, now);
  const paid = allowanceMs === null ? null : Math.max(0, allowanceMs - workedMs);
  return open === null || paid === null ? (open ?? paid) : Math.min(open, paid);
}

/** How long it should still take, as far as anybody can say; null: nobody can. */
export function remainingMs({ state, progress, estimateMs, workedMs }: StepRecord): number | null {
  if (state === "done") return 0;
  return progress?.etaMs ?? (estimateMs === null ? null : Math.max(0, estimateMs - workedMs));
}
