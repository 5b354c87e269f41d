import type { StepOrder } from "../../core/preparation/operations.ts";
import type { StepRecord } from "../../core/preparation/step-record.ts";
import type { ReleaseRequest } from "../../ports/releases.ts";

export interface Prepared {
  /** All of the app, in their order. */
  readonly records: readonly StepRecord[];
  /** Names of those that the prepared release has no file for. */
  readonly unwanted: readonly string[];
}

/** Steps as the server sees them. Refusals are thrown as HitlessErrors before anything has changed. */
export interface StepControl {
  /** In their order. */
  list(app: string): readonly StepRecord[];
  /** Takes a snapshot of the source; its steps begin as soon as they may. @throws ERR_STEPS_INVALID, ERR_STEP_CONFLICT and what a snapshot throws */
  prepare(request: ReleaseRequest): Promise<Prepared>;
  /** Tells a step something; gives what is said of it. @throws ERR_STEP_UNKNOWN, ERR_NOT_NOW */
  tell(app: string, name: string, order: Omit<StepOrder, "now">): Promise<string>;
  /**
   * Whether a deployment of this source may begin: every step that it requires is done. An expansion that is under way is left to the deployment.
   * @throws ERR_STEPS_UNFINISHED naming each with the time it should take; ERR_STEPS_INVALID
   */
  admit(request: Pick<ReleaseRequest, "spec" | "source" | "env">): Promise<void>;
}
