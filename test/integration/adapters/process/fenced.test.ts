import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/adapters/sqlite/store.ts";
import { APP, request } from "../../../support/fleet-request.ts";
import { instanceFiles, runs, testFleet } from "../../../support/fleet.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";

function openStore(directory: string): SqliteStore {
  const store = new SqliteStore(directory);
  onTestFinished(() => {
    store.close();
  });
  return store;
}

const STALE = { code: "ERR_STALE_EPOCH" };

test("who is not the writer any more starts nothing, signals nothing, and takes away no record", async () => {
  const directory = temporaryDirectory();
  const [store, other] = [openStore(directory), openStore(directory)];
  await store.openEpoch(APP, 0);
  const { fleet } = testFleet(directory, store);
  const { pid } = await fleet.start(request("sleep 60"));
  await other.openEpoch(APP, 0);
  await expect(fleet.stop(APP, "web.r1.1", { signal: "SIGTERM", graceMs: 5_000, epoch: 1 })).rejects.toMatchObject(STALE);
  expect(runs(pid)).toBe(true);
  await expect(fleet.start(request("sleep 60", { instance: "web.r1.2" }))).rejects.toMatchObject(STALE);
  expect((await instanceFiles(directory).all()).map(({ instance }) => instance)).toEqual(["web.r1.1"]);
});

test("a stop that was under way when another took over does not end in SIGKILL", async () => {
  const directory = temporaryDirectory();
  const [store, other] = [openStore(directory), openStore(directory)];
  await store.openEpoch(APP, 0);
  const { fleet } = testFleet(directory, store);
  const { pid } = await fleet.start(request("trap : TERM; echo ready; while :; do sleep 0.05; done"));
  await until(async () => (await fleet.logTail(APP, "web.r1.1", 1)).includes("ready"));
  const stopping = fleet.stop(APP, "web.r1.1", { signal: "SIGTERM", graceMs: 300, epoch: 1 });
  await other.openEpoch(APP, 0);
  await expect(stopping).rejects.toMatchObject(STALE);
  expect(runs(pid)).toBe(true);
});
