import { expect, test } from "vitest";
import { commandOf, given, runOf } from "../../sim/command-line.ts";
import { run, type RunOptions } from "../../sim/run.ts";

const SEEDS = 150;

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
  for (let seed = 1; seed <= 20; seed += 1) {
    const { journal } = await run({ seed });
    expect((await run({ seed })).journal).toBe(journal);
    journals.add(journal);
  }
  expect(journals.size).toBe(20);
});

test.each<RunOptions>([
  { seed: 17 },
  { seed: 18, crashAt: 60, crashWhen: "stall" },
  { seed: 1, way: "canary-abort", crashAt: 70, crashWhen: "after" },
])("what is said to repeat %o does: the same journal, byte for byte", async (options) => {
  const [, words = ""] = commandOf(options).split(" -- ");
  const repeated = runOf(given(words.split(" ")));
  const { journal } = await run(options);
  expect((await run(repeated)).journal).toBe(journal);
  // Every option matters: with one of them forgotten it is another run.
  for (const [name, value] of Object.entries(repeated)) {
    if (value === undefined) continue;
    expect((await run({ ...repeated, [name]: name === "seed" ? options.seed + 1 : undefined })).journal).not.toBe(journal);
  }
});
