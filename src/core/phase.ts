import type { Deployment, Phase, Step } from "./state.ts";
import { waitOf } from "./waiting.ts";

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
export function phaseOf(deployment: Deployment): Phase {
  const { outcome, direction, step, halted } = deployment;
  if (outcome !== null) return outcome;
  if (direction === "back") return "aborting";
  if (halted !== undefined) return "paused";
  return step === "waiting" && waitOf(deployment)?.bake === true ? "baking" : PHASE_OF[step];
}
