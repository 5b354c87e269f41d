import type { AppSpec } from "./app-spec.ts";
import type { HookName, Task } from "./task.ts";
import type { Deployment, Stage } from "./state.ts";

/** Puts what the release wants done and judged into the plan: hooks and checks before requests come, gates while they come. */
export function withTasks(stages: readonly Stage[], { tasks = {} }: AppSpec): readonly Stage[] {
  const hook = (name: HookName): readonly Task[] => {
    const task = tasks.hooks?.[name];
    return task === undefined ? [] : [task];
  };
  const { checks = [], gates = [] } = tasks;
  const first = hook("before-deploy");
  // A rolling deployment brings its first requests with its first batch, the others with the stage in which all of them come.
  const cutover = Math.max(
    0,
    stages.findLastIndex(({ share }) => share === 100),
  );
  const last = stages.length - 1;
  const planned = stages.map((stage, index): Stage => {
    const isSeen = (stage.share ?? 0) > 0 || stages.every(({ share }) => share === undefined);
    const before = index === cutover ? hook("before-cutover") : [];
    const after = [
      ...(stage.share === 0 ? checks : []),
      ...(index === last ? hook("after-cutover") : []),
      ...(isSeen && (stage.share !== undefined || index === last) ? gates : []),
    ];
    return { ...stage, ...(before.length === 0 ? {} : { before }), ...(after.length === 0 ? {} : { after }) };
  });
  const [{ generation } = { generation: 0 }] = stages;
  return first.length === 0 ? planned : [{ release: null, generation, start: {}, before: first, retire: [] }, ...planned];
}

/** Long enough to see what breaks at once, short enough to wait for. */
const DEFAULT_BAKE_MS = 10_000;

/** The new release has all of the requests for a while before the old one goes. A first release has nothing to go back to. */
export function withBake({ stages, strategy, from }: Deployment, { rollout, tasks }: AppSpec): readonly Stage[] {
  const usual = tasks?.watch === undefined || strategy === "rolling" ? 0 : DEFAULT_BAKE_MS;
  const { bakeMs: ms = usual } = rollout;
  const last = stages.at(-1);
  return ms === 0 || from === null || last === undefined ? stages : stages.with(-1, { ...last, wait: { ms, bake: true } });
}
