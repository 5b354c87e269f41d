import type { ErrorCode } from "../../base/error-codes.ts";
import { HitlessError, toFailure } from "../../base/error.ts";
import { isRepeatable } from "../../core/preparation/step-definition.ts";
import type { StepRecord } from "../../core/preparation/step-record.ts";
import type { StepEnd } from "./step-run.ts";
import { StepStop } from "./step-stop.ts";

/** What an attempt has come to: its own end, the order that ended it, or an error. */
export type Outcome = StepEnd | StepStop | Error;

/** What is over by itself: the server is away, or still at work for a daemon that was killed. */
const PASSING: readonly ErrorCode[] = ["ERR_DATABASE_UNREACHABLE", "ERR_DATABASE_BUSY"];

/** The record after an attempt. */
export function settled(record: StepRecord, outcome: Outcome, now: number): StepRecord {
  if (outcome instanceof StepStop) return stopped(record, outcome, now);
  const base: StepRecord = { ...record, reason: null };
  const end = outcome instanceof Error ? passing(outcome) : outcome;
  if (end instanceof Error) {
    const failure = toFailure(end, "ERR_STEP_FAILED", `${record.definition.name} failed.`);
    return { ...base, state: "failed", failure, endedAt: now };
  }
  if (end.kind === "incomplete") return { ...base, state: "incomplete", failure: end.failure, endedAt: now };
  if (end.kind === "again") {
    const mayWait = isRepeatable(record.definition) || hasNotBegun(outcome);
    return mayWait ? { ...base, state: "waiting", reason: end.reason } : brokenOff(record, end.reason, now);
  }
  return { ...base, state: "done", endedAt: now, progress: record.progress === null ? null : { ...record.progress, etaMs: 0 } };
}

/** Nobody but its author can say whether it may be done once more. */
export function brokenOff(record: StepRecord, reason: string, now: number): StepRecord {
  const { name } = record.definition;
  const failure = {
    code: "ERR_STEP_BROKEN_OFF",
    what: `${name} was ended in the middle: ${reason}.`,
    why: "It says `idempotent: false`, and so is not begun again by itself.",
    next: `See what it has done; then \`hitless steps retry ${name}\` begins it anew, or \`hitless steps cancel ${name}\` gives it up.`,
  } as const;
  return { ...record, state: "incomplete", reason: null, failure, endedAt: now };
}

function stopped(record: StepRecord, { state, message }: StepStop, now: number): StepRecord {
  const isSql = record.definition.work.kind === "sql";
  const base: StepRecord = isSql ? { ...record, cuts: (record.cuts ?? 0) + 1 } : record;
  // What an operator has said meanwhile is said already.
  if (record.state !== "running") return base;
  return isRepeatable(record.definition) ? { ...base, state, reason: message } : brokenOff(base, message, now);
}

/** Whoever does not get the database has done nothing to it. */
function hasNotBegun(outcome: Outcome): boolean {
  return outcome instanceof HitlessError && outcome.code === "ERR_DATABASE_BUSY";
}

function passing(error: Error): StepEnd | Error {
  if (!(error instanceof HitlessError) || !PASSING.includes(error.code)) return error;
  return { kind: "again", reason: `${error.failure.what} ${error.failure.why ?? ""}`.trimEnd() };
}
