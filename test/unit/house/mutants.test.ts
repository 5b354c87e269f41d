import { expect, test } from "vitest";
import { FAULTS, isStale } from "../../../scripts/mutants/faults.ts";

test("every fault of `npm run mutants` can still be put in", () => {
  expect(FAULTS.filter(isStale).map(({ name }) => name)).toEqual([]);
});
