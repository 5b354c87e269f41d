import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../../src/adapters/memory/store.ts";
import { createRng } from "../../../src/base/rng.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { intended } from "../../../src/core/command.ts";
import { decide } from "../../../src/core/decide.ts";
import { all } from "../../../src/core/instances.ts";
import { newApp } from "../../../src/core/new-app.ts";
import type { AppState } from "../../../src/core/state.ts";
import { AppEngine } from "../../../src/engine/app-engine.ts";
import type { JournalEntry } from "../../../src/ports/store.ts";
import { Checker } from "../../../sim/checker.ts";
import { SimClock } from "../../../sim/clock.ts";
import { SimJournal } from "../../../sim/journal.ts";
import { SimFleet } from "../../../sim/fleet.ts";
import { simHttp } from "../../../sim/http.ts";
import { SimJobs } from "../../../sim/jobs.ts";
import { SimReleases } from "../../../sim/releases.ts";
import { simSpec } from "../../../sim/spec.ts";
import { SimTraffic } from "../../../sim/traffic.ts";
import { World } from "../../../sim/world.ts";
import { leaseOn } from "../../support/lease.ts";

const APP = "shop";

function worldOn(store: SimJournal): World {
  const calm = {
    crash: { at: 0, when: "before" },
    proxyAwayShare: 0,
    buildFailShare: 0,
    taskFailShare: 0,
    meddleShare: 0,
  } as const;
  const replies = { lateShare: 0, lostShare: 0 };
  return new World({ rng: createRng(1), store, replies, behaviours: new Map(), ...calm });
}

/** A machine on which two releases were deployed. */
async function twoReleases(): Promise<{ store: SimJournal; world: World }> {
  const store = new SimJournal(createRng(1), 0);
  const world = worldOn(store);
  await world.boot();
  for (const batch of [1, 2]) {
    await world.deploy({ instances: 3, batch, rollout: {} });
    await world.run(20_000);
  }
  return { store, world };
}

function fold(entries: readonly JournalEntry[], from: AppState = newApp(APP)): AppState {
  return entries.reduce((state, { event }) => decide(state, event).state, from);
}

describe("the state of an app", () => {
  test("is the fold of its journal, from the beginning and from a snapshot at any entry", async () => {
    const { store, world } = await twoReleases();
    const { entries } = await store.load(APP);
    expect(entries.length).toBeGreaterThan(30);
    expect(entries[0]?.seq).toBe(1);
    expect(fold(entries)).toEqual(world.state);
    for (let position = 1; position < entries.length; position += 1) {
      const snapshot = structuredClone(fold(entries.slice(0, position)));
      expect(fold(entries.slice(position), snapshot)).toEqual(world.state);
    }
  });

  test("decides to the letter the commands that the journal holds", async () => {
    const { entries } = await (await twoReleases()).store.load(APP);
    let state = newApp(APP);
    for (const { event, commands } of entries) {
      const decision = decide(state, event);
      expect(decision.commands.map(intended)).toEqual(commands);
      state = decision.state;
    }
  });
});

test("no page of text and no target of a route table is kept in the journal", async () => {
  const { entries } = await (await twoReleases()).store.load(APP);
  const applies = entries.flatMap(({ commands }) => commands.filter(({ kind }) => kind === "traffic.apply"));
  expect(applies.length).toBeGreaterThan(4);
  for (const apply of applies) expect(Object.keys(apply).toSorted()).toEqual(["deployment", "epoch", "id", "kind", "revision"]);
});

test("a snapshot of an older version, with the instances in one record by name, is taken up", async () => {
  const { store, world } = await twoReleases();
  const state = world.state!;
  const instances = Object.fromEntries(all(state).map((instance) => [instance.name, instance]));
  await store.saveSnapshot(APP, store.written, { ...state, instances } as unknown as AppState);
  const { engine } = await engineOn(store, world.fleet);
  await engine.recover();
  expect(engine.state.instances).toEqual(state.instances);
});

/** An engine of its own over the fakes of the simulation. */
interface Alone {
  readonly engine: AppEngine;
  readonly clock: SimClock;
  readonly releases: SimReleases;
  /** The revision of the table that the proxy holds. */
  readonly tables: () => number;
}

async function engineOn(store: MemoryStore, known?: SimFleet): Promise<Alone> {
  const clock = new SimClock();
  const rng = createRng(1);
  const fleet = known ?? new SimFleet({ clock, rng, behaviours: new Map(), fence: store });
  const checker = new Checker(fleet.instances);
  const traffic = new SimTraffic({ clock, rng, fleet, checker, awayShare: 0 });
  const releases = new SimReleases(clock, rng, 0);
  const engine = new AppEngine(
    APP,
    store,
    {
      clock,
      fleet,
      traffic,
      releases,
      jobs: new SimJobs(clock, rng, { failShare: 0, isUndecided: false }),
      http: simHttp,
      log: silentLogger,
    },
    await leaseOn(store, clock),
  );
  return { engine, clock, releases, tables: () => checker.table?.revision ?? 0 };
}

/** Lets so much happen as can within so many wake-ups. */
async function pass(clock: SimClock, steps: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
    clock.step();
  }
}

function deploy(engine: AppEngine): Promise<unknown> {
  const spec = simSpec(APP, 2, 1);
  return engine.deploy(
    { kind: "deploy.requested", by: "alice", spec, strategy: null, batch: null, force: false },
    { spec, source: "/sim", ignore: [], build: null, env: {} },
  );
}

describe("a writer", () => {
  test("that has been overtaken writes nothing and does nothing any more", async () => {
    const store = new MemoryStore();
    const { engine, clock, tables } = await engineOn(store);
    await engine.recover();
    await deploy(engine);
    await pass(clock, 12);
    await store.openEpoch(APP, 1);
    const before = await store.load(APP);
    await pass(clock, 20);
    const revision = tables();
    await pass(clock, 2_000);
    expect((await store.load(APP)).entries).toEqual(before.entries);
    expect(tables()).toBe(revision);
    await expect(engine.submit({ kind: "abort.requested", by: "alice" })).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
    expect(engine.fault?.code).toBe("ERR_STALE_EPOCH");
  });

  test("whose journal cannot be written does nothing until it can be, and then all of it", async () => {
    class FullDisk extends MemoryStore {
      full = false;
      override append(app: string, entry: JournalEntry): Promise<void> {
        return this.full ? Promise.reject(new Error("disk full")) : super.append(app, entry);
      }
    }
    const store = new FullDisk();
    const { engine, clock, releases, tables } = await engineOn(store);
    await engine.recover();
    store.full = true;
    const deployed = deploy(engine);
    await pass(clock, 200);
    expect(engine.state.deployment).toBeNull();
    expect(releases.kept.size).toBe(0);
    expect(tables()).toBe(0);
    store.full = false;
    await pass(clock, 400);
    expect(await deployed).toEqual({ deployment: "d1", queued: null });
    expect(engine.state.deployment).toMatchObject({ outcome: "done" });
    expect(tables()).toBeGreaterThan(0);
    await engine.close();
  });
});
