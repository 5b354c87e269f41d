import { expect, test } from "vitest";
import { createRng } from "../../../src/base/rng.ts";
import { SimJournal } from "../../../sim/journal.ts";
import { World } from "../../../sim/world.ts";

const SIZE = { instances: 2, batch: 1, rollout: {} };

/** A machine with a database, and a second release on it whose contract waits. */
async function contractWaits(): Promise<World> {
  const rng = createRng(1);
  const faults = { proxyAwayShare: 0, buildFailShare: 0, taskFailShare: 0, databaseFaultShare: 0, meddleShare: 0 };
  const replies = { lateShare: 0, lostShare: 0 };
  const crash = { at: 0, when: "before" } as const;
  const world = new World({ rng, store: new SimJournal(rng, 0), behaviours: new Map(), crash, replies, ...faults });
  await world.boot();
  await world.deploy(SIZE);
  await world.run(20_000);
  await world.deploy(SIZE);
  while (world.state?.deployment?.outcome === null) await world.run(1);
  return world;
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
