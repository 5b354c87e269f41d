import type { Deployment, Stage } from "./state.ts";

/** The current stage as it is but for its wait, and the rest in one. */
export function withoutWaits({ stages, stage }: Pick<Deployment, "stages" | "stage">): readonly Stage[] {
  const rest = mergeStages(stages.slice(stage + 1));
  const current = stages.slice(stage, stage + 1).map((one) => ({ ...one, wait: undefined }));
  return [...stages.slice(0, stage), ...current, ...(rest === null ? [] : [rest])];
}

/** What is left of a plan in one stage, in which nothing is waited for; null when nothing is left. */
function mergeStages(stages: readonly Stage[]): Stage | null {
  const last = stages.at(-1);
  if (last === undefined) return null;
  const start: Record<string, number> = {};
  for (const stage of stages) {
    for (const [type, count] of Object.entries(stage.start)) start[type] = (start[type] ?? 0) + count;
  }
  const share = stages.findLast((stage) => stage.share !== undefined)?.share;
  const { release, generation, retire } = last;
  // Hooks do work that somebody relies on; checks and gates only judge.
  const before = stages.flatMap((stage) => stage.before ?? []).filter(({ kind }) => kind === "hook");
  const after = stages.flatMap((stage) => stage.after ?? []).filter(({ kind }) => kind === "hook");
  return {
    release,
    generation,
    start,
    ...(share === undefined ? {} : { share }),
    ...(before.length === 0 ? {} : { before }),
    ...(after.length === 0 ? {} : { after }),
    retire,
  };
}
