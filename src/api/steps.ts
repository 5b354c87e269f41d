import { z } from "zod";
import type { Failure } from "../base/error.ts";
import type { STEP_OPERATIONS } from "../core/preparation/operations.ts";
import type { StepState } from "../core/preparation/step-record.ts";

export type StepOperation = (typeof STEP_OPERATIONS)[number];

export const stepOrderSchema = z.strictObject({
  by: z.string().min(1).max(200),
  /** For `throttle`. */
  percent: z.number().int().min(1).max(100).nullable(),
});

/** A pre-deployment step. Times are milliseconds since the epoch. */
export interface StepStatus {
  readonly name: string;
  /** Its file in the release. */
  readonly path: string;
  /** Of the file's bytes. */
  readonly digest?: string | undefined;
  readonly kind: "sql" | "update" | "batches" | "command" | "function" | "http" | "wait" | "expand";
  readonly state: StepState;
  /** False: the release that was prepared last has no such step; said by a preparation, and later of what was cancelled for it. Undefined: it has. */
  readonly wanted?: boolean | undefined;
  /** A deployment waits for it. */
  readonly required: boolean;
  /** Why it does not run, or not faster; null: it does. */
  readonly reason: string | null;
  readonly failure: Failure | null;
  readonly progress: {
    readonly done: number;
    readonly total: number | null;
    readonly perSecond: number | null;
    readonly etaMs: number | null;
  } | null;
  /** How long it should still take; null: nobody knows. */
  readonly remainingMs: number | null;
  /** As expected before it began, and what it took when it is done, of work. */
  readonly estimateMs: number | null;
  readonly workedMs: number;
  readonly attempt: number;
  /** How often its SQL was ended before its end; each time it begins anew. Undefined: never. */
  readonly cuts?: number | undefined;
  readonly throttle: number;
  readonly window: string | null;
  /** What is to be approved; null: nothing. */
  readonly approval: string | null;
  readonly approvedBy: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}
