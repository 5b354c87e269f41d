import type { Rng } from "../src/base/rng.ts";
import { BUSY_POLICIES } from "../src/core/app-spec.ts";
import { all } from "../src/core/instances.ts";
import { SIM_ROLLOUTS, SIM_TASKS, type Size } from "./spec.ts";
import type { World } from "./world.ts";

const TIMES_MAX = 8;
const HOUR_MS = 3_600_000;

/** Whatever people and machines do at the wrong moment; so often and no more, so that the world comes to rest. */
export function meddleWith(world: World, rng: Rng, size: Size): () => Promise<void> {
  let left = TIMES_MAX;
  return async () => {
    if (left === 0) return;
    left -= 1;
    const by = "meddler";
    switch (rng.between(0, 18)) {
      case 0:
        return world.deploy(
          { ...size, rollout: rng.pick(SIM_ROLLOUTS), tasks: rng.pick(SIM_TASKS) },
          rng.chance(0.3) ? { override: "sim" } : { whenBusy: rng.pick(BUSY_POLICIES) },
        );
      case 1:
        return world.request({ kind: "rollback.requested", by, release: null });
      case 2:
        return world.request({ kind: "restart.requested", by });
      case 3:
        return scale(world, rng.between(1, 6));
      case 4:
        killOne(world, rng);
        return;
      case 5:
        world.clock.set(rng.pick([1, -1]) * rng.between(1, HOUR_MS));
        return;
      case 6:
        return world.request({ kind: "promote.requested", by, full: rng.chance(0.3) });
      case 7:
        return world.request({ kind: "halt.requested", by });
      case 8:
        return world.request({ kind: "continue.requested", by });
      case 9:
        return makeSick(world, rng);
      case 10:
        return makeWell(world);
      case 11:
        return world.request({ kind: "queue.clear.requested", by });
      case 12:
      case 13:
        return retry(world, rng);
      default:
        return world.request({ kind: "abort.requested", by });
    }
  };
}

/** The health checks of an instance fail, whatever it is. */
async function makeSick(world: World, rng: Rng): Promise<void> {
  const [first, ...rest] = world.state === null ? [] : all(world.state).filter(({ routed }) => routed);
  if (first === undefined) return;
  await world.report({ kind: "instance.sick", instance: rng.pick([first, ...rest]).name, saw: "status 500" });
}

async function makeWell(world: World): Promise<void> {
  const sick = world.state === null ? undefined : all(world.state).find(({ sick }) => sick !== undefined);
  if (sick !== undefined) await world.report({ kind: "instance.well", instance: sick.name });
}

/** What waits for an operator is told to go on. */
export function promote(world: World): Promise<void> {
  return world.request({ kind: "promote.requested", by: "sim" });
}

/** What went back, or what a verdict keeps; with a reason for doing so while deployments are frozen, or without. */
export function retry(world: World, rng: Rng): Promise<void> {
  return world.request({ kind: "retry.requested", by: "sim", ...(rng.chance(0.5) && { override: "sim" }) });
}

/** The plan's floor is the smallest size that was asked for. */
export function scale(world: World, count: number): Promise<void> {
  world.checker.floor = Math.min(world.checker.floor, count);
  return world.request({ kind: "scale.requested", by: "sim", counts: { web: count } });
}

/** Something outside ends an instance. */
export function killOne(world: World, rng: Rng): void {
  const alive = [...world.fleet.instances.values()].filter((instance) => instance.alive && !instance.signalled);
  const [first, ...rest] = alive;
  if (first !== undefined) world.fleet.kill(world.app, rng.pick([first, ...rest]).name);
}
