import { expect, test } from "vitest";
import { commandOf } from "../../sim/command-line.ts";
import type { RunOptions } from "../../sim/run.ts";
import { crashPoints, judge, meddledSteps } from "../../sim/runs.ts";
import { STEPS_WAY } from "../../sim/steps/run.ts";

/** A part of the crash points; each kind at others. */
const EVERY = 39;
const SEEDS = 25;

async function failures(runs: readonly RunOptions[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const options of runs) {
    const { violations } = await judge(options);
    if (violations.length > 0) failed.push(`${violations.join("; ")}: ${commandOf(options)}`);
  }
  return failed;
}

test("steps keep their rules wherever the engine crashes, or stands still while another takes over", async () => {
  const whole = await judge({ seed: 1, way: STEPS_WAY });
  expect(whole.violations).toEqual([]);
  expect(whole.calls).toBeGreaterThan(150);
  expect(await failures(crashPoints(STEPS_WAY, whole.calls, { every: EVERY }))).toEqual([]);
});

test("and with locks, lost connections, a busy machine and people who pause them, in the order of any seed", async () => {
  expect(await failures(Array.from({ length: SEEDS }, (_, index) => meddledSteps(index + 1)))).toEqual([]);
});
