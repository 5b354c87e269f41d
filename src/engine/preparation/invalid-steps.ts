import { HitlessError } from "../../base/error.ts";
import { STEPS_DIRECTORY } from "../../core/preparation/step-definition.ts";

/** What is wrong with the steps of a release, all of it at once. */
export function invalidSteps(problems: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_STEPS_INVALID",
    what: `${STEPS_DIRECTORY} has ${problems.length === 1 ? "one problem" : `${String(problems.length)} problems`}.`,
    next: "Nothing was started. docs/steps.md describes every kind.",
    details: problems,
  });
}
