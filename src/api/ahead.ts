import type { AheadPlan } from "../core/preparation/ahead.ts";

/** What `hitless plan` shows. Plain data: `--json` prints it as it is. */
export interface AheadReport extends AheadPlan {
  readonly app: string;
  /** False: no daemon runs, and what was prepared is not known. */
  readonly asked: boolean;
  /** What is done when the last instance of an older release is gone, whatever was prepared. */
  readonly later: readonly string[];
  /** Why the expansion cannot be done ahead now; null: it can. */
  readonly held: string | null;
}
