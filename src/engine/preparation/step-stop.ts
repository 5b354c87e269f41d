import type { StepState } from "../../core/preparation/step-record.ts";

/** Why an attempt is ended before its end: as the reason of its signal. Any other reason means that the daemon ends, and work goes on. */
export class StepStop extends Error {
  /** What the step is then. */
  readonly state: StepState;

  constructor(state: StepState, reason: string) {
    super(reason);
    this.name = "StepStop";
    this.state = state;
  }
}
