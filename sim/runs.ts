import type { CrashKind } from "./crashing.ts";
import { run, type RunOptions, type RunResult } from "./run.ts";

const CRASH_KINDS: readonly CrashKind[] = ["before", "after", "stall"];

/** The runs that crash the engine at every port call of the way, each entry of the journal among them. `calls`: as many as it makes untouched. */
export function crashPoints(way: string, calls: number, { every = 1, from = 1 } = {}): readonly RunOptions[] {
  const points = Array.from({ length: Math.ceil((calls - from + 1) / every) }, (_, index) => from + index * every);
  return CRASH_KINDS.flatMap((crashWhen) => points.map((crashAt): RunOptions => ({ seed: 1, way, crashAt, crashWhen })));
}

/** What a run has shown; its journal stays where it was written. */
export type Verdict = Omit<RunResult, "journal"> & { readonly options: RunOptions };

export async function judge(options: RunOptions): Promise<Verdict> {
  const { violations, calls, outcome } = await run(options);
  return { options, violations, calls, outcome };
}
