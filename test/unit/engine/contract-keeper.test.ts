import { expect, test } from "vitest";
import { createRng } from "../../../src/base/rng.ts";
import { SimJournal } from "../../../sim/journal.ts";
import { World } from "../../../sim/world.ts";

const SIZE = { instances: 2, batch: 1, rollout: {} };

interface Past {
  readonly softContractMs?: number;
  /** Before which call of a port the engine dies; 0: it lives. */
  readonly crashAt?: number;
}

/** A machine with a database, and a second release on it whose contract waits. */
async function contractWaits({ softContractMs, crashAt = 0 }: Past = {}): Promise<World> {
  const rng = createRng(1);
  const faults = { proxyAwayShare: 0, buildFailShare: 0, taskFailShare: 0, databaseFaultShare: 0, meddleShare: 0 };
  const replies = { lateShare: 0, lostShare: 0 };
  const crash = { at: crashAt, when: "before" } as const;
  const world = new World({ rng, store: new SimJournal(rng, 0), behaviours: new Map(), crash, replies, ...faults });
  await world.boot();
  await world.deploy({ ...SIZE, softContractMs });
  await world.run(20_000);
  await world.deploy({ ...SIZE, softContractMs });
  while (world.state?.deployment?.outcome === null) await world.run(1);
  return world;
}

async function until(world: World, is: () => boolean): Promise<void> {
  for (let step = 0; !is(); step += 1) {
    if (step > 1_000) throw new Error("it does not come to that");
    // An idle world stands still; here time goes on, and what has crashed begins again.
    await world.settle(world.clock.pass(200));
    await world.run(1);
  }
}

test("a contract that fails is tried again, in pauses that grow, and is said until it is done", async () => {
  const world = await contractWaits();
  const database = world.database!;
  database.isAway = true;
  await world.run(60);
  const [problem = ""] = world.contractProblems;
  expect(problem).toMatch(
    /could not be removed from the database: The database is away\. \(tried (once|twice|\d+ times), again in \d+ s\)/,
  );
  await world.run(200);
  expect(world.contractProblems[0]).toMatch(/tried \d+ times/);
  expect(database.waits("r2")).toBe(true);

  database.isAway = false;
  await world.run(20_000);
  expect(database.waits("r2")).toBe(false);
  expect(world.contractProblems).toEqual([]);
});

const KEPT_MS = 60_000;

async function goTo(world: World, release: string): Promise<void> {
  await world.request({ kind: "rollback.requested", by: "sim", release });
  await until(world, () => world.state?.deployment?.outcome !== null);
}

test("a soft contract keeps everything for its time; going back and forth again begins it anew; then it removes by itself", async () => {
  const world = await contractWaits({ softContractMs: KEPT_MS });
  const database = world.database!;
  await until(world, () => database.keptUntil("r2") !== null);
  const first = database.keptUntil("r2")!;
  expect(first - world.clock.now()).toBeGreaterThan(KEPT_MS / 2);
  await until(world, () => database.isSwapped("r2"));

  await goTo(world, "r1");
  expect(database.isSwapped("r2")).toBe(false);
  expect(world.state?.active).toBe("r1");
  await until(world, () => database.keptUntil("r2") === null);
  await goTo(world, "r2");
  await until(world, () => database.keptUntil("r2") !== null);
  const second = database.keptUntil("r2")!;
  expect(second).toBeGreaterThan(first);
  await until(world, () => !database.waits("r2"));
  expect(world.clock.now()).toBeGreaterThanOrEqual(second);
  await goTo(world, "r1");
  expect(world.state?.active).toBe("r2");
  expect(world.checker.violations).toEqual([]);
});

test("what is kept softly goes earlier where the next release changes the same again", async () => {
  const world = await contractWaits({ softContractMs: KEPT_MS });
  await until(world, () => world.database!.keptUntil("r2") !== null);
  const kept = world.database!.keptUntil("r2")!;
  await world.deploy({ ...SIZE, softContractMs: KEPT_MS });
  await until(world, () => world.state?.active === "r3");
  expect(world.database!.waits("r2")).toBe(false);
  expect(world.clock.now()).toBeLessThan(kept);
  expect(world.checker.violations).toEqual([]);
});

test("an engine that dies before any call on the way keeps as long as was promised, and removes then", async () => {
  const calls = (await contractWaits({ softContractMs: KEPT_MS })).crash.calls;
  for (let crashAt = calls; crashAt < calls + 40; crashAt += 1) {
    const world = await contractWaits({ softContractMs: KEPT_MS, crashAt });
    await until(world, () => world.database!.keptUntil("r2") !== null);
    const kept = world.database!.keptUntil("r2")!;
    await until(world, () => !world.database!.waits("r2"));
    expect(world.clock.now(), `crash at ${String(crashAt)}`).toBeGreaterThanOrEqual(kept);
    expect(world.checker.violations).toEqual([]);
  }
});
