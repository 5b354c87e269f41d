import type { z } from "zod";
import type { rollout } from "../rollout.ts";

/** Why the checks would never be run, or null: nothing that is asked for is left out in silence. */
export function checkPlaceProblem(checks: number, { strategy, steps }: z.output<typeof rollout>): string | null {
  if (checks === 0 || strategy === "blue-green") return null;
  if (strategy === "canary" && steps.some(({ weight }) => weight === 0)) return null;
  return strategy === "canary"
    ? "expected a step of weight 0 in `rollout.steps` beside it: checks are made while a release can be previewed and gets no requests"
    : "expected `rollout.strategy` blue-green, or canary with a step of weight 0, beside it: a rolling deployment has no preview to check";
}
