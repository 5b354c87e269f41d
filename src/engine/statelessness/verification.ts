import type { JourneyRequest } from "../../core/task.ts";
import type { Manner, Node } from "./node-walk.ts";

/** What is walked, and where. */
export interface Verification {
  readonly requests: readonly JourneyRequest[];
  readonly manner: Manner;
  readonly nodes: readonly Node[];
  /** Replaces the nodes by new ones, without a loss, and gives these; null: they stay. */
  readonly replace: (() => Promise<readonly Node[]>) | null;
  /** For the walks as a whole; the time in which nodes are replaced does not count. */
  readonly timeoutMs: number;
}
