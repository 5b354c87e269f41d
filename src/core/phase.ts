import type { Deployment, Phase, Step } from "./state.ts";

const PHASE_OF: Readonly<Record<Step, Phase>> = {
  preparing: "planned",
  starting: "starting",
  warming: "warming",
  checking: "checking",
  adding: "shifting",
  baking: "baking",
  waiting: "waiting",
  removing: "shifting",
  draining: "draining",
  stopping: "draining",
  closing: "promoting",
};

/** The phase as people see it. */
export function phaseOf({
  outcome,
  direction,
  step,
  halted,
}: Pick<Deployment, "outcome" | "direction" | "step" | "halted">): Phase {
  if (outcome !== null) return outcome;
  if (direction === "back") return "aborting";
  return halted === undefined ? PHASE_OF[step] : "paused";
}
