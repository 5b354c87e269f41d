import type { Action, Backfill } from "../../database/plan/action.ts";
import type { BackfillCursor } from "../../ports/database.ts";
import type { BackfillMeter } from "./backfill-meter.ts";
import type { BackfillOptions, Pacer } from "./backfill-options.ts";
import type { StepRunner } from "./steps.ts";

export interface BackfillRun {
  readonly release: number;
  readonly action: Action;
  readonly backfill: Backfill;
  /** Where a run of an older Hitless stopped. */
  readonly from: BackfillCursor | null;
}

export interface WalkParts {
  readonly runner: StepRunner;
  readonly run: BackfillRun;
  readonly options: BackfillOptions;
  readonly pacer: Pacer | null;
  readonly meter: BackfillMeter;
  /** The application's triggers are left out. */
  readonly quiet: boolean;
  /** Every second row first. */
  readonly halves: boolean;
}
