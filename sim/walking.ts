import type { RolloutSpec } from "../src/core/app-spec.ts";
import { all } from "../src/core/instances.ts";
import type { AppState } from "../src/core/state.ts";
import type { Size } from "./spec.ts";
import type { Operation, Way } from "./ways.ts";
import type { World } from "./world.ts";

/** Far enough that the first batch is routed and the second is not. */
const ROUTED_STEPS = 40;
const STEPS_MAX = 20_000;
/** Two would do, if the engine heard each. */
const RETRIES = 4;
const PAUSE_MS = 5_000;
const by = "sim";

/** One operation without chance. */
export async function walk(world: World, { operation, rollout = {} }: Way, size: Size): Promise<void> {
  await OPERATIONS[operation](world, size, rollout);
}

type Walk = (world: World, size: Size, rollout: Partial<RolloutSpec>) => Promise<void>;

const OPERATIONS: Readonly<Record<Operation, Walk>> = {
  deploy: (world, size) => world.deploy(size),
  queue: (world, size) => deployTwice(world, size, "queue"),
  supersede: (world, size) => deployTwice(world, size, "supersede"),
  abort: async (world, size) => {
    await world.deploy(size);
    await world.run(ROUTED_STEPS);
    await world.request({ kind: "abort.requested", by });
  },
  "abort-draining": (world, size) => abortWhen(world, size, isDraining),
  /** One of the old side ends just before that side is to go; the one that comes for it is not ready when the deployment goes back. */
  "abort-replacing": async (world, size) => {
    await world.deploy(size);
    await until(world, ({ deployment }) => deployment?.step === "waiting");
    const [first] = world.fleet.livingOf(world.state?.active ?? "");
    if (first !== undefined) world.fleet.kill(world.app, first);
    await world.request({ kind: "promote.requested", by });
    await until(world, isDraining);
    await world.request({ kind: "abort.requested", by });
  },
  /** A drain that was given up ends while the same instance is drained again. */
  "supersede-draining": async (world, size) => {
    await world.deploy(size);
    await until(world, ({ deployment }) => deployment?.step === "draining");
    await world.deploy(size, { whenBusy: "supersede" });
  },
  "abort-judging": (world, size) => abortWhen(world, size, isJudging),
  retry: async (world, size) => {
    await OPERATIONS.abort(world, size, {});
    await world.run(STEPS_MAX);
    await world.request({ kind: "retry.requested", by });
  },
  /** Before the first requests, and with them. */
  "judge-again": async (world, size) => {
    await world.deploy(size);
    for (let time = 0; time < RETRIES; time += 1) {
      await until(world, ({ deployment }) => deployment?.halted !== undefined);
      await world.request({ kind: "retry.requested", by });
    }
  },
  pause: async (world, size) => {
    await world.request({ kind: "pause.requested", by, forMs: PAUSE_MS, then: "resume" });
    await world.deploy(size);
  },
  rollback: async (world, size, rollout) => {
    await world.deploy(size);
    await untilPromoted(world, rollout);
    await world.request({ kind: "rollback.requested", by, release: null });
  },
  restart: (world) => world.request({ kind: "restart.requested", by }),
  scale: (world) => world.request({ kind: "scale.requested", by, counts: { web: 5 } }),
  suspend: async (world) => {
    world.checker.floor = 0;
    await world.request({ kind: "suspend.requested", by });
  },
};

async function deployTwice(world: World, size: Size, whenBusy: "queue" | "supersede"): Promise<void> {
  await world.deploy(size);
  await world.run(ROUTED_STEPS);
  await world.deploy(size, { whenBusy });
}

async function abortWhen(world: World, size: Size, isReached: (state: AppState) => boolean): Promise<void> {
  await world.deploy(size);
  await until(world, isReached);
  await world.request({ kind: "abort.requested", by });
}

/** Or until the deployment is over without. */
async function until(world: World, isReached: (state: AppState) => boolean): Promise<void> {
  const isOver = (state: AppState): boolean => state.deployment?.outcome !== null || isReached(state);
  for (let step = 0; step < STEPS_MAX && !(world.state !== null && isOver(world.state)); step += 1) await world.run(1);
}

function isDraining(state: AppState): boolean {
  return all(state).some(({ status }) => status === "draining");
}

/** A check or a gate runs. */
function isJudging({ deployment }: AppState): boolean {
  return Object.values(deployment?.tasks ?? {}).some(({ task, result }) => task.kind === "command" && result === undefined);
}

/** As far as the promotion, with a window for going back still open if the plan has one. */
function untilPromoted(world: World, { standbyMs = 0 }: Partial<RolloutSpec>): Promise<void> {
  return standbyMs === 0 ? world.run(STEPS_MAX) : until(world, () => false);
}
