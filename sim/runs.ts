import type { CrashKind } from "./crashing.ts";
import { run, type RunOptions, type RunResult } from "./run.ts";
import { isStepsWay, MEDDLED_STEPS_WAY, runSteps } from "./steps/run.ts";

/** About as many port calls as the steps of a release make. */
const STEP_CALLS = 400;
const CRASH_KINDS: readonly CrashKind[] = ["before", "after", "stall"];

/** The runs that crash the engine at every port call of the way, each entry of the journal among them. `calls`: as many as it makes untouched. */
export function crashPoints(way: string, calls: number, { every = 1, from = 1 } = {}): readonly RunOptions[] {
  const points = Array.from({ length: Math.ceil((calls - from + 1) / every) }, (_, index) => from + index * every);
  return CRASH_KINDS.flatMap((crashWhen) => points.map((crashAt): RunOptions => ({ seed: 1, way, crashAt, crashWhen })));
}

/** The steps of a release by one seed: where the engine crashes, or stalls, is drawn from its number. */
export function meddledSteps(seed: number): RunOptions {
  const crashWhen = CRASH_KINDS[seed % CRASH_KINDS.length];
  return { seed, way: MEDDLED_STEPS_WAY, crashAt: (seed * 37) % STEP_CALLS, crashWhen };
}

/** What a run has shown; its journal stays where it was written. */
export type Verdict = Omit<RunResult, "journal"> & { readonly options: RunOptions };

/** A deployment, or what runs ahead of one. */
export function simulate(options: RunOptions): Promise<RunResult> {
  return isStepsWay(options.way) ? runSteps(options) : run(options);
}

export async function judge(options: RunOptions): Promise<Verdict> {
  const { violations, calls, outcome } = await simulate(options);
  return { options, violations, calls, outcome };
}
