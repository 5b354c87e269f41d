import { createRng } from "../src/base/rng.ts";
import { SimJournal } from "./journal.ts";
import { World } from "./world.ts";

export interface ScaleResult {
  /** Empty when every rule held and the second release serves. */
  readonly violations: readonly string[];
  /** Journal entries of the rollout. */
  readonly entries: number;
  readonly outcome: string;
}

/** Wake-ups of the simulated world, per instance; some twenty are needed. */
const STEPS_PER_INSTANCE = 500;

/** A first release of so many instances at once, which is then replaced in so many batches, without faults. */
export async function scale(instances: number, batches: number): Promise<ScaleResult> {
  const rng = createRng(1);
  const store = new SimJournal(rng, 0);
  const world = new World({
    rng,
    store,
    behaviours: new Map(),
    crash: { at: 0, when: "before" },
    proxyAwayShare: 0,
    buildFailShare: 0,
    taskFailShare: 0,
    replies: { lateShare: 0, lostShare: 0 },
    meddleShare: 0,
  });
  await world.boot();
  await world.deploy({ instances: instances, batch: instances, rollout: {} });
  await world.run(instances * STEPS_PER_INSTANCE);
  world.checker.floor = instances;
  const before = store.written;
  await world.deploy({ instances, batch: Math.ceil(instances / batches), rollout: {} });
  await world.run(instances * STEPS_PER_INSTANCE);
  const { violations } = world.checker;
  const serving = world.checker.routed().filter((name) => world.fleet.instances.get(name)?.release === "r2").length;
  const missing = serving === instances ? [] : [`${String(serving)} of ${String(instances)} instances of r2 serve`];
  return {
    violations: [...violations, ...missing],
    entries: store.written - before,
    outcome: world.state?.deployment?.outcome ?? "none",
  };
}
