import { running } from "./draft.ts";
import { all } from "./instances.ts";
import type { Targeting } from "./routes.ts";
import type { AppState } from "./state.ts";

/** Who gets the canary whatever its weight is; nothing while there is none, and once it gets all requests. */
export function targetingOf(state: AppState): Targeting | undefined {
  const deployment = running(state);
  if (deployment?.strategy !== "canary" || deployment.direction === "back" || deployment.to === null) return undefined;
  const { to, share = 100, generation } = deployment;
  const spec = state.releases[to]?.spec.rollout.targeting;
  if (spec === undefined || share === 100) return undefined;
  return all(state).some((instance) => instance.routed && instance.generation === generation)
    ? { release: to, ...spec }
    : undefined;
}
