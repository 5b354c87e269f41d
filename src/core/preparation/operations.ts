import type { Failure } from "../../base/error.ts";
import { isRepeatable, isTakenBack } from "./step-definition.ts";
import type { StepRecord, StepState } from "./step-record.ts";

/** What an operator can say to a step. */
export const STEP_OPERATIONS = ["run", "pause", "resume", "cancel", "retry", "throttle", "approve"] as const;
export type StepOperation = (typeof STEP_OPERATIONS)[number];

export interface StepOrder {
  readonly operation: StepOperation;
  readonly by: string;
  /** For `throttle`. */
  readonly percent: number | null;
  readonly now: number;
}

export type Ordered =
  | { readonly kind: "told"; readonly record: StepRecord; readonly said: string }
  | { readonly kind: "refused"; readonly failure: Failure };

const FITTING: Readonly<Record<StepOperation, readonly StepState[]>> = {
  run: ["waiting", "running", "paused", "failed", "incomplete"],
  pause: ["waiting", "running"],
  resume: ["paused", "incomplete"],
  cancel: ["waiting", "running", "paused", "failed", "incomplete"],
  retry: ["failed", "cancelled", "incomplete"],
  throttle: ["waiting", "running", "paused"],
  approve: ["waiting", "running", "paused"],
};

/** What somebody most probably wants of a step that stands still. */
const AGAIN: readonly StepOperation[] = ["resume", "retry"];

/** What a step is after an order, and what is said of it. */
export function ordered(record: StepRecord, order: StepOrder): Ordered {
  const { name, work } = record.definition;
  if (!FITTING[order.operation].includes(record.state))
    return refused(`${name} is ${stateText(record)}: it cannot be told to ${order.operation}.`, fittingText(record));
  if (order.operation === "approve" && !(work.kind === "wait" && work.until.kind === "approval"))
    return refused(`${name} waits for nobody's approval.`, "`hitless steps` shows which do.");
  if (order.operation === "pause" && record.state === "running" && !isRepeatable(record.definition))
    return refused(
      `${name} says \`idempotent: false\`: ended in the middle it could not go on.`,
      `Let it come to its end, or give it up: \`hitless steps cancel ${name}\`.`,
    );
  return { kind: "told", ...after(record, order) };
}

/** Somebody else may have said the same a moment before. */
function stateText({ state, reason }: StepRecord): string {
  return reason !== null && (state === "paused" || state === "cancelled") ? reason : state;
}

function fittingText({ state, definition: { name } }: StepRecord): string {
  const fitting = STEP_OPERATIONS.filter((operation) => operation !== "approve" && FITTING[operation].includes(state));
  if (fitting.length === 0) return "There is nothing left to be told; with another content `hitless prepare` begins it anew.";
  const first = AGAIN.find((operation) => fitting.includes(operation)) ?? fitting[0];
  return `It can be told to ${fitting.join(", ")}: \`hitless steps ${first ?? ""} ${name}\`.`;
}

function after(record: StepRecord, { operation, by, percent, now }: StepOrder): { record: StepRecord; said: string } {
  const { name } = record.definition;
  const again: StepRecord = { ...record, state: "waiting", reason: null, failure: null, endedAt: null };
  switch (operation) {
    case "run":
      return {
        record: { ...(record.state === "running" ? record : again), anyTime: true },
        said: runText(record),
      };
    case "pause":
      return {
        record: { ...record, state: "paused", reason: `paused by ${by}` },
        said: `${name} is paused; \`hitless steps resume ${name}\` goes on.`,
      };
    case "resume":
      return { record: moreBudget(again), said: `${name} goes on where it was.` };
    case "cancel":
      return { record: { ...record, state: "cancelled", reason: `cancelled by ${by}`, endedAt: now }, said: undoText(record) };
    case "retry":
      return { record: moreBudget(again), said: `${name} is tried again from where it was.` };
    case "throttle":
      return { record: { ...record, throttle: percent ?? 100 }, said: `${name} works ${String(percent ?? 100)} % of the time.` };
    case "approve":
      return { record: { ...record, approvedBy: by }, said: `${name} is approved by ${by}.` };
  }
}

/** The server was told when the window closes as a statement began, and keeps to it. */
function runText({ definition: { name, work, window }, state }: StepRecord): string {
  if (state !== "running") return `${name} runs as soon as it may, whatever its window.`;
  const statement =
    work.kind === "sql" && window !== null ? " The statement at work still ends with it, and is begun again at once." : "";
  return `${name} runs on, whatever its window.${statement}`;
}

/** Whoever lets a step go on whose budget is used up gives it as much again. */
function moreBudget(record: StepRecord): StepRecord {
  const { maxTimeMs } = record.definition;
  return maxTimeMs === null ? record : { ...record, allowanceMs: record.workedMs + maxTimeMs };
}

/** Whether what a step did can be taken back, and how. */
export function undoText({ definition: { name, work, undo }, startedAt, progress }: StepRecord): string {
  if (startedAt === null || work.kind === "wait" || isTakenBack(work)) return `${name} is cancelled; it had changed nothing.`;
  if (work.kind === "expand") return `${name} is cancelled; \`hitless db undo\` takes back what it did.`;
  const rows = work.kind === "update" ? ` ${(progress?.done ?? 0).toLocaleString("en-US")} rows have their new values.` : "";
  const how =
    undo === null
      ? "It says nothing of how it is taken back (`undo`): what it did stays."
      : `It is taken back like this: ${undo}`;
  return `${name} is cancelled.${rows} ${how}`;
}

function refused(what: string, next: string): Ordered {
  return { kind: "refused", failure: { code: "ERR_NOT_NOW", what, next } };
}
