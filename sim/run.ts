import { createRng, type Rng } from "../src/base/rng.ts";
import { all, desiredCount } from "../src/core/instances.ts";
import { atRest } from "./at-rest.ts";
import type { CrashKind } from "./crashing.ts";
import type { Behaviour } from "./fleet.ts";
import { SimJournal } from "./journal.ts";
import { killOne, meddleWith, promote, retry, scale } from "./meddling.ts";
import { SIM_ROLLOUTS, SIM_TASKS, type Size } from "./spec.ts";
import { walk } from "./walking.ts";
import { wayOf, type Way } from "./ways.ts";
import { World } from "./world.ts";

export interface RunResult {
  /** Empty when every rule held. */
  readonly violations: readonly string[];
  /** Port calls of the engine: the places where it can be made to crash. */
  readonly calls: number;
  /** The whole journal as text: the same options must give the same one. */
  readonly journal: string;
  readonly outcome: string;
}

/** Plain data, so that it can be sent to another thread and written on a command line. */
export interface RunOptions {
  readonly seed: number;
  readonly crashAt?: number | undefined;
  readonly crashWhen?: CrashKind | undefined;
  /** The name of a change that is walked through without chance faults. Absent: whatever the seed draws. */
  readonly way?: string | undefined;
}

const STEPS_MAX = 20_000;
/** More than any plan waits for. */
const PROMOTIONS_MAX = 12;

/** One life of a machine: a first release, then some operations on it, with faults; ends when everything has come to rest. */
export async function run(options: RunOptions): Promise<RunResult> {
  const rng = createRng(options.seed);
  const way = options.way === undefined ? null : wayOf(options.way);
  const store = new SimJournal(rng, way !== null ? 0 : rng.pick([0, 0, 0.02]));
  const world = createWorld(options, rng, store);
  const size = way !== null ? { instances: 3, batch: 1, rollout: way.rollout ?? {} } : { ...anySize(rng), ...keeping(options) };
  world.meddle = meddleWith(world, rng, size);
  if (way === null)
    world.whenAway = () => {
      if (rng.chance(0.5)) killOne(world, rng);
    };
  await world.boot();
  await world.deploy(size);
  await rest(world);
  const operations = way !== null ? 1 : rng.between(1, 4);
  for (let index = 0; index < operations; index += 1) {
    const active = world.state?.active ?? null;
    world.checker.floor = planFloor(world, active);
    if (way !== null) await walk(world, way, { ...size, tasks: way.tasks, notifications: way.notifications });
    else await operate(world, rng, size);
    await rest(world);
  }
  const { entries } = await store.load(world.app);
  // A crash at the very first call leaves no app.
  const violations = [...world.checker.violations, ...(entries.length === 0 ? [] : atRest(world))];
  return {
    violations,
    calls: world.crash.calls,
    journal: entries.map((entry) => JSON.stringify(entry)).join("\n"),
    outcome: world.state?.deployment?.outcome ?? "none",
  };
}

/** Until everything has come to rest. What waits for an operator is told to go on. */
async function rest(world: World): Promise<void> {
  await world.run(STEPS_MAX);
  for (let time = 0; world.state?.deployment?.outcome === null && time < PROMOTIONS_MAX; time += 1) {
    await promote(world);
    await world.run(STEPS_MAX);
  }
}

/** The order of the draws is part of the meaning of a seed. */
function createWorld(options: RunOptions, rng: Rng, store: SimJournal): World {
  const way = options.way === undefined ? null : wayOf(options.way);
  const calm = way !== null;
  const behaviours = calm ? calmBehaviours(way) : new Map([2, 3, 4, 5].map((number) => [`r${number}`, behaviour(rng)]));
  return new World({
    rng,
    store,
    behaviours,
    crash: {
      at: options.crashAt ?? (calm || rng.chance(0.4) ? 0 : rng.between(30, 250)),
      when: options.crashWhen ?? rng.pick(["before", "after", "stall"]),
    },
    proxyAwayShare: calm ? 0 : rng.pick([0, 0, 0.02, 0.1]),
    buildFailShare: calm ? 0 : 0.05,
    taskFailShare: calm ? 0 : 0.1,
    databaseFaultShare: databaseFaultShare(options, way),
    replies: calm ? { lateShare: 0, lostShare: 0 } : { lateShare: rng.pick([0, 0.05, 0.2]), lostShare: rng.pick([0, 0.02, 0.1]) },
    meddleShare: calm ? 0 : rng.pick([0, 0.01, 0.05]),
    freezes: !calm && rng.chance(0.3),
    drainsMs: way?.drainsMs,
    isUndecided: way?.undecided === true,
  });
}

/** A sixth of the seeds have one. That is not drawn, so that the others stay what they are. */
function databaseFaultShare({ seed }: RunOptions, way: Way | null): number | null {
  if (way !== null) return way.database === true ? 0 : null;
  return seed % 6 === 5 ? 0.05 : null;
}

/** Half of those with a database contract softly. */
function keeping({ seed }: RunOptions): Pick<Size, "softContractMs"> {
  return seed % 12 === 11 ? { softContractMs: 30_000 } : {};
}

function anySize(rng: Rng): Size {
  const instances = rng.between(1, 5);
  return { instances, batch: rng.between(1, instances), rollout: rng.pick(SIM_ROLLOUTS), releasesKept: rng.between(1, 3) };
}

async function operate(world: World, rng: Rng, size: Size): Promise<void> {
  const choice = rng.between(0, 9);
  if (choice <= 5) await world.deploy({ ...size, rollout: rng.pick(SIM_ROLLOUTS), tasks: rng.pick(SIM_TASKS) });
  else if (choice <= 6) await world.request({ kind: "rollback.requested", by: "sim", release: null });
  else if (choice <= 7) await world.request({ kind: "restart.requested", by: "sim" });
  else await scale(world, rng.between(1, 6));
  await world.run(rng.pick([5, 50, STEPS_MAX]));
  // Within the window for going back, as often as not.
  if (rng.chance(0.2)) await world.request({ kind: "rollback.requested", by: "sim", release: null });
  if (rng.chance(0.2)) await world.request({ kind: "abort.requested", by: "sim" });
  if (rng.chance(0.3)) await retry(world, rng);
  if (rng.chance(0.2))
    await world.deploy({ ...size, rollout: rng.pick(SIM_ROLLOUTS) }, { whenBusy: rng.pick(["queue", "supersede"]) });
  if (rng.chance(0.2)) killOne(world, rng);
}

/** What a failed way back has left beside the active release may go. */
function planFloor({ state }: World, active: string | null): number {
  if (state === null || active === null) return 0;
  const routed = all(state).filter((instance) => instance.routed).length;
  return Math.min(routed, desiredCount(state, active, "web"));
}

function calmBehaviours({ faulty }: Way): ReadonlyMap<string, Behaviour> {
  return new Map(faulty === true ? [["r2", "never-ready"]] : []);
}

function behaviour(rng: Rng): Behaviour {
  return rng.pick(["good", "good", "good", "good", "slow", "crashes", "never-ready", "flaps", "dies-later"]);
}
