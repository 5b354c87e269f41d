import { expect, test } from "vitest";
import { MemoryStore } from "../../../src/adapters/memory/store.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { createRng } from "../../../src/base/rng.ts";
import { Engine } from "../../../src/engine/engine.ts";
import type { JournalEntry } from "../../../src/ports/store.ts";
import type { CreateOutcome } from "../../../src/ports/releases.ts";
import { Checker } from "../../../sim/checker.ts";
import { SimClock } from "../../../sim/clock.ts";
import { SimFleet } from "../../../sim/fleet.ts";
import { simHttp } from "../../../sim/http.ts";
import { SimJobs } from "../../../sim/jobs.ts";
import { SimReleases } from "../../../sim/releases.ts";
import { simSpec } from "../../../sim/spec.ts";
import { SimTraffic } from "../../../sim/traffic.ts";
import { leaseOn } from "../../support/lease.ts";

/** Its record of the app `broken` lacks what the core relies on. */
class BrokenReleases extends SimReleases {
  override async create(app: string, release: string, options: { signal: AbortSignal }): Promise<CreateOutcome> {
    const outcome = await super.create(app, release, options);
    if (app !== "broken" || outcome.kind !== "created") return outcome;
    return { kind: "created", record: { ...outcome.record, spec: JSON.parse("{}") as typeof outcome.record.spec } };
  }
}

type Counts = Readonly<Record<string, number>>;

interface Machine {
  readonly engine: Engine;
  readonly clock: SimClock;
  readonly checker: Checker;
}

async function machine(store: MemoryStore): Promise<Machine> {
  const clock = new SimClock();
  const rng = createRng(1);
  const fleet = new SimFleet({ clock, rng, behaviours: new Map(), fence: store });
  const checker = new Checker(fleet.instances);
  const traffic = new SimTraffic({ clock, rng, fleet, checker, awayShare: 0 });
  const releases = new BrokenReleases(clock, rng, 0);
  const lease = await leaseOn(store, clock);
  return {
    engine: new Engine(
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
      lease,
    ),
    clock,
    checker,
  };
}

function deploy({ engine }: Machine, app: string): Promise<unknown> {
  const spec = { ...simSpec(app, 2, 1), listen: { host: "127.0.0.1", port: app === "broken" ? 8_081 : 8_080 } };
  return engine.deploy(
    { kind: "deploy.requested", by: "alice", spec, strategy: null, batch: null, force: false },
    { spec, source: "/sim", ignore: [], build: null, env: {} },
  );
}

async function until({ clock }: Machine, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 5_000 && !isDone(); step += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
    clock.step();
  }
}

test("an error in a decision stops the app's engine: the fault is told, requests are refused with it, other apps go on", async () => {
  const its = await machine(new MemoryStore());
  await deploy(its, "broken");
  await until(its, () => its.engine.fault("broken") !== null);
  const fault = { code: "ERR_INVARIANT", what: expect.stringContaining("broken") as string };
  expect(its.engine.fault("broken")).toMatchObject(fault);
  expect(its.engine.fault("broken")?.next).toContain("hitless up");
  const abort = its.engine.request("broken", { kind: "abort.requested", by: "alice" });
  await expect(abort).rejects.toMatchObject({ failure: fault });
  await expect(deploy(its, "broken")).rejects.toMatchObject({ failure: fault });
  // Whoever follows the deployment is not left waiting.
  expect(its.engine.state("broken")?.deployment?.outcome).toBeNull();
  const { length } = await its.engine.notes("broken", "d1", 0, 60_000);
  expect(await its.engine.notes("broken", "d1", length + 1_000, 60_000)).toEqual([]);

  await deploy(its, "shop");
  await until(its, () => its.engine.state("shop")?.deployment?.outcome === "done");
  expect(its.engine.state("shop")?.deployment?.outcome).toBe("done");
  expect(its.engine.fault("shop")).toBeNull();
  await its.engine.close();
});

test("an error in deciding on a request is the answer to it: nothing is written, and the app goes on as before", async () => {
  const store = new MemoryStore();
  const its = await machine(store);
  await deploy(its, "shop");
  await until(its, () => its.engine.state("shop")?.deployment?.outcome === "done");
  const before = await store.load("shop");
  const scale = its.engine.request("shop", { kind: "scale.requested", by: "alice", counts: JSON.parse("null") as Counts });
  await expect(scale).rejects.toMatchObject({
    failure: { code: "ERR_INVARIANT", what: expect.stringContaining("scale of shop") as string },
  });
  expect(await store.load("shop")).toEqual(before);
  expect(its.engine.fault("shop")).toBeNull();

  await its.engine.request("shop", { kind: "scale.requested", by: "alice", counts: { web: 3 } });
  await until(its, () => its.engine.state("shop")?.deployment?.outcome === "done");
  expect(its.engine.state("shop")?.counts).toEqual({ web: 3 });
  await its.engine.close();
});

test("a journal that cannot be taken up is a fault of that app alone", async () => {
  class Damaged extends MemoryStore {
    damaged = false;
    override async load(app: string): ReturnType<MemoryStore["load"]> {
      const loaded = await super.load(app);
      if (!this.damaged || app !== "broken") return loaded;
      return { ...loaded, entries: [{ ...loaded.entries[0], event: { kind: "nothing" } } as unknown as JournalEntry] };
    }
  }
  const store = new Damaged();
  for (const app of ["broken", "shop"]) {
    const before = await machine(store);
    await deploy(before, app);
    await before.engine.close();
  }
  store.damaged = true;
  const its = await machine(store);
  await its.engine.start();
  expect(its.engine.fault("broken")).toMatchObject({ code: "ERR_INVARIANT" });
  expect(its.engine.apps()).toEqual(["broken", "shop"]);
  expect(its.engine.fault("shop")).toBeNull();
  await its.engine.close();
});
