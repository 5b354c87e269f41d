import { expect, test } from "vitest";
import type { CrashKind } from "../../sim/crashing.ts";
import { runSteps, type StepRunOptions } from "../../sim/steps/run.ts";

const KINDS: readonly CrashKind[] = ["before", "after", "stall"];
/** A part of the crash points; another kind at each. */
const EVERY = 13;
const SEEDS = 25;

/** What these found: a server still at work for a daemon that was killed; programs that one had ended and not written down; windows that nobody kept. */
const KNOWN: readonly StepRunOptions[] = [
  { seed: 4, crashAt: 148, crashWhen: "after" },
  { seed: 14, crashAt: 118, crashWhen: "stall" },
  { seed: 26, crashAt: 162, crashWhen: "stall" },
  { seed: 142, crashAt: 54, crashWhen: "after" },
];

async function failures(runs: readonly StepRunOptions[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const options of runs) {
    const { violations } = await runSteps(options);
    if (violations.length > 0) failed.push(`${violations.join("; ")}: ${JSON.stringify(options)}`);
  }
  return failed;
}

test("steps keep their rules wherever the engine crashes, or stands still while another takes over", async () => {
  const whole = await runSteps({ seed: 1, crashAt: 0, crashWhen: "before", calm: true });
  expect(whole.violations).toEqual([]);
  expect(whole.calls).toBeGreaterThan(150);
  const points = Array.from({ length: Math.floor(whole.calls / EVERY) }, (_, index) => 1 + index * EVERY);
  const runs = points.map((crashAt): StepRunOptions => ({ seed: 1, crashAt, crashWhen: kindOf(crashAt), calm: true }));
  expect(await failures(runs)).toEqual([]);
});

test("and with locks, lost connections, a busy machine and people who pause them, in the order of any seed", async () => {
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
  const runs = seeds.map((seed): StepRunOptions => ({ seed, crashAt: (seed * 37) % 400, crashWhen: kindOf(seed) }));
  expect(await failures([...KNOWN, ...runs])).toEqual([]);
});

function kindOf(number: number): CrashKind {
  return KINDS[number % KINDS.length] ?? "before";
}
