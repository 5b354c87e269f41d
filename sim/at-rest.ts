import { all, desiredCount, find } from "../src/core/instances.ts";
import type { AppState } from "../src/core/state.ts";
import type { World } from "./world.ts";

/** What must hold when everything has come to rest: one release, whole, routed, and nothing left over. */
export function atRest(world: World): readonly string[] {
  const { state } = world;
  if (state === null) return ["the engine is gone"];
  if (state.queued !== undefined) return [`${state.queued.release} is in the queue for ever`];
  if (world.fault !== null) return [`the engine acts no more: ${world.fault.why ?? world.fault.what}`];
  const deployment = state.deployment;
  if (deployment?.outcome === null) return [`${deployment.name} never ended: it is ${deployment.step}`];
  if (deployment?.outcome === "failed")
    return state.active === null || state.suspended ? [] : incomplete(world, state, state.active);
  return [
    ...strays(world, state),
    ...world.leftovers(state).map((name) => `${name} is kept and known to nobody`),
    ...(state.active === null || state.suspended ? [] : incomplete(world, state, state.active)),
  ];
}

function strays(world: World, state: AppState): readonly string[] {
  const alive = [...world.fleet.instances.values()].filter((instance) => instance.alive);
  return alive
    .filter(({ name, release }) => state.suspended || find(state, name) === undefined || release !== state.active)
    .map((instance) => `${instance.name} still runs but belongs to nothing`);
}

function incomplete(world: World, state: AppState, active: string): readonly string[] {
  const wanted = desiredCount(state, active, "web");
  const crashing = world.fleet.endsByItself(active);
  const serving = all(state).filter(
    ({ type, routed, generation }) => type === "web" && routed && generation === state.generation,
  ).length;
  const problems: string[] = [];
  if (serving !== wanted && !crashing) problems.push(`${String(serving)} of ${String(wanted)} instances of ${active} serve`);
  const stuck = all(state).filter(({ status }) => status !== "serving");
  if (stuck.length > 0 && !crashing)
    problems.push(`for ever: ${stuck.map(({ name, status }) => `${name} is ${status}`).join(", ")}`);
  const dead = world.checker.routed().filter((name) => world.fleet.instances.get(name)?.alive !== true);
  if (dead.length > 0 && !crashing) problems.push(`${dead.join(", ")} is gone and still routed`);
  if (world.database?.waits(active) === true) problems.push(`what only releases before ${active} used was never removed`);
  if (!world.releases.kept.has(active)) problems.push(`the active release ${active} was removed`);
  return problems;
}
