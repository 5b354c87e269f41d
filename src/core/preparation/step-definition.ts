import type { TimeWindowSpec } from "../../base/time-window.ts";

/** Where a release's steps are, relative to it. */
export const STEPS_DIRECTORY = "deploy/steps";
/** The step that no file stands for: what the release's migrations do before its first instance starts. */
export const EXPAND = "expand";

/** What a step does. Each may be begun again: what was done stays done, and is not done twice where that would matter. */
export type StepWork =
  /** The file's statements in one transaction; `alone`: each by itself, outside of any. */
  | { readonly kind: "sql"; readonly sql: string; readonly alone: boolean }
  /** In batches along the table's key, the rows that `where` finds. */
  | { readonly kind: "update"; readonly table: string; readonly set: string; readonly where: string }
  /** The statement for each range of the table's key, once, where it says `{range}`. */
  | { readonly kind: "batches"; readonly table: string; readonly query: string }
  | { readonly kind: "command"; readonly command: string | readonly string[] }
  /** `run` of a module, by its path in the release. */
  | { readonly kind: "function"; readonly file: string }
  | {
      readonly kind: "http";
      readonly method: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | null;
      /** Statuses that mean done; none: any 2xx. */
      readonly expect: readonly number[];
      readonly timeoutMs: number;
    }
  | { readonly kind: "wait"; readonly until: WaitCondition }
  | { readonly kind: "expand" };

export type WaitCondition =
  /** A query for one boolean, asked again and again. */
  | { readonly kind: "query"; readonly sql: string; readonly everyMs: number }
  /** Milliseconds since the epoch. */
  | { readonly kind: "time"; readonly at: number }
  /** `hitless steps approve`; the text says what is approved. */
  | { readonly kind: "approval"; readonly text: string };

export interface StepDefinition {
  /** `0003-emails`; also its place in the order. */
  readonly name: string;
  /** In the release. */
  readonly path: string;
  /** Of the file's bytes: with another content it is another step. */
  readonly digest: string;
  readonly work: StepWork;
  /** Names of steps that must be done before, `expand` among them. */
  readonly needs: readonly string[];
  /** No deployment of its release begins before it is done. */
  readonly required: boolean;
  /** As it was written, and what it means; null: at any time. */
  readonly window: { readonly text: string; readonly spec: TimeWindowSpec } | null;
  /** Of work, not of waiting. */
  readonly maxTimeMs: number | null;
  /** Of the machine, per core, over which it waits. */
  readonly maxLoad: number | null;
  /** Percent of the time in which it may work. */
  readonly throttle: number;
  /** False: it may not be begun again by itself when it was ended in the middle. */
  readonly idempotent?: boolean | undefined;
  /** How what it did is taken back, as its author says. */
  readonly undo: string | null;
}

/** Work that goes over the rows of a table in batches. */
export type Walk = Extract<StepWork, { kind: "update" | "batches" }>;

export function walks(work: StepWork): work is Walk {
  return work.kind === "update" || work.kind === "batches";
}

/** Whether an attempt that was ended in the middle may be followed by another without anybody's word. */
export function isRepeatable({ work, idempotent }: StepDefinition): boolean {
  return idempotent !== false || isTakenBack(work) || !["sql", "command", "function", "http"].includes(work.kind);
}

/** Whether nobody can say any more how far it came when the daemon ended in the middle of it, and it may not be begun again. */
export function isLost(step: StepDefinition): boolean {
  return !isRepeatable(step) && (step.work.kind === "sql" || step.work.kind === "http");
}

/** Whether nothing is left of an attempt that did not come to its end. */
export function isTakenBack(work: StepWork): boolean {
  return work.kind === "sql" && !work.alone;
}

/** Whether it is work on the database, which only one step does at a time. */
export function usesDatabase({ kind }: StepWork): boolean {
  return kind === "sql" || kind === "update" || kind === "batches" || kind === "expand";
}
