import type { Deployment, Phase, Step } from "./state.ts";

const PHASE_OF: Readonly<Record<Step, Phase>> = {
  preparing: "planned",
  starting: "starting",
  warming: "warming",
  adding: "shifting",
  waiting: "waiting",
  removing: "shifting",
  draining: "draining",
  stopping: "draining",
  closing: "promoting",
};

/** The phase as people see it. */
export function phaseOf({ outcome, direction, step }: Pick<Deployment, "outcome" | "direction" | "step">): Phase {
  if (outcome !== null) return outcome;
  return direction === "back" ? "aborting" : PHASE_OF[step];
}
