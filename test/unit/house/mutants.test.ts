import { expect, test } from "vitest";
import { FAULTS, isStale } from "../../../scripts/mutants/faults.ts";
import { STEP_FAULTS } from "../../../scripts/mutants/step-faults.ts";

test("every fault of `npm run mutants` can still be put in", () => {
  expect([...FAULTS, ...STEP_FAULTS].filter(isStale).map(({ name }) => name)).toEqual([]);
});
