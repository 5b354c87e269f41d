import { expect, test } from "vitest";
import { run } from "../../sim/run.ts";

const SEEDS = 300;

test(`the first ${SEEDS} seeds keep every rule`, async () => {
  const failed: string[] = [];
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violations, outcome } = await run({ seed });
    outcomes.add(outcome);
    if (violations.length > 0) failed.push(`npm run sim -- --seed ${seed}: ${violations.join("; ")}`);
  }
  expect(failed).toEqual([]);
  // A simulation in which everything always goes well, or never, shows nothing.
  expect([...outcomes]).toEqual(expect.arrayContaining(["done", "rolled-back"]));
});

test("the same seed twice gives the same journal, byte for byte; another seed another one", async () => {
  const journals = new Set<string>();
  for (let seed = 1; seed <= 40; seed += 1) {
    const { journal } = await run({ seed });
    expect((await run({ seed })).journal).toBe(journal);
    journals.add(journal);
  }
  expect(journals.size).toBe(40);
});
