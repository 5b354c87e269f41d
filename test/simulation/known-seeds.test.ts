import { expect, test } from "vitest";
import { KNOWN_SEEDS } from "../../sim/known-seeds.ts";
import { run } from "../../sim/run.ts";

test.each(KNOWN_SEEDS)("seed %i keeps every rule: it found %s", async (seed) => {
  expect((await run({ seed })).violations).toEqual([]);
});
