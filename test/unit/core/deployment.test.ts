import { describe, expect, test } from "vitest";
import type { CommandKind } from "../../../src/core/command.ts";
import { CoreRun, deployed, webOnly } from "../../support/core-run.ts";
import { simSpec } from "../../../sim/spec.ts";

describe("the first deployment", () => {
  test("takes the snapshot, starts everything in batches, routes what is ready, and is the active release", () => {
    const run = deployed(1);
    expect(run.last()).toMatchObject({ kind: "deploy", outcome: "done", from: null, to: "r1", failure: null });
    expect(run.state).toMatchObject({ active: "r1", promoted: ["r1"] });
    expect(run.serving()).toBe("r1 r1 r1");
    expect(run.tables.map(({ pools }) => pools.map(({ targets }) => targets.length))).toEqual([[], [1], [2], [3]]);
  });

  test("begins nothing before its ledger is open and its snapshot is there", () => {
    const run = new CoreRun();
    run.deploy();
    run.settle(({ kind }) => kind === "ledger.open");
    expect(run.ordered.map(({ kind }) => kind)).toEqual(["ledger.open", "release.create"]);
    run.settle();
    expect(run.last().outcome).toBe("done");
  });

  test("that fails leaves no instance and no listener; its release is kept for trying it again", () => {
    const run = new CoreRun();
    run.deploy();
    const start = run.until("instance.awaitReady");
    run.send({ kind: "instance.exited", instance: "web.r1.1", how: "exited with code 1", logTail: ["boom"] }, start?.id);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_INSTANCE_EXITED", details: ["boom"] } });
    expect(run.state).toMatchObject({ active: null, instances: {}, returned: { release: "r1" } });
    expect(run.ordered.map(({ kind }) => kind)).toContain("traffic.remove");
  });
});

describe("a rolling deployment", () => {
  test.each([
    ["one by one", { kind: "count", count: 1 }, [1, 1, 1, 1, 1]],
    ["two by two, the rest at last", { kind: "count", count: 2 }, [2, 2, 1]],
    ["all at once", { kind: "count", count: 99 }, [5]],
    ["by a third, rounded up", { kind: "percent", percent: 34 }, [2, 2, 1]],
    ["by one percent, which is one", { kind: "percent", percent: 1 }, [1, 1, 1, 1, 1]],
  ] as const)("%s", (_title, batch, sizes) => {
    const run = deployed(1, webOnly(5, batch));
    run.deploy(run.spec);
    run.settle(({ kind }) => kind === "instance.start");
    expect(run.last().stages.map(({ start }) => start.web)).toEqual(sizes);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "done", capacity: { atStart: 5, lowest: 5 } });
    expect(run.serving()).toBe("r2 r2 r2 r2 r2");
  });

  test("orders, for each batch: start, await, add, remove, drain, stop", () => {
    const run = deployed(1, webOnly(2));
    const before = run.ordered.length;
    run.deploy(run.spec);
    run.settle();
    const batch: CommandKind[] = ["instance.start", "instance.awaitReady", "traffic.apply", "traffic.apply", "traffic.drain"];
    expect(run.ordered.slice(before).map(({ kind }) => kind)).toEqual([
      ...["ledger.open", "release.create"],
      ...[...batch, "instance.stop"],
      ...[...batch, "instance.stop"],
      ...["ledger.close", "release.prune"],
    ]);
  });

  test("does not take an old instance away before every worker has the new one", () => {
    const run = deployed(1);
    run.deploy(run.spec);
    run.settle(({ kind }) => kind === "traffic.apply");
    expect(run.serving()).toBe("r1 r1 r1 r2");
    expect(run.ordered.some(({ kind }) => kind === "traffic.drain")).toBe(false);
  });

  test("moves all process types in step; what has no traffic is never routed", () => {
    const run = deployed(2, simSpec("shop", 4, 2));
    expect(run.serving()).toBe("r2 r2 r2 r2");
    expect(run.instances().filter(({ type }) => type === "worker")).toEqual([
      expect.objectContaining({ release: "r2", status: "serving", routed: false }),
    ]);
  });

  test("to another number of instances never has fewer than the smaller of the two", () => {
    for (const [from, to] of [
      [5, 2],
      [2, 5],
      [1, 4],
      [4, 1],
    ] as const) {
      const run = deployed(1, webOnly(from));
      run.deploy(webOnly(to));
      run.settle();
      expect(run.last()).toMatchObject({ outcome: "done", capacity: { lowest: Math.min(from, to) } });
      expect(run.instances()).toHaveLength(to);
    }
  });

  test("scenario 83: of an unchanged tree ends at once and changes nothing", () => {
    const run = deployed(1);
    const { instances } = run.state;
    run.deploy(run.spec);
    const create = run.until("release.create");
    expect(create).toMatchObject({ unlessIdentity: "r1" });
    run.send({ kind: "release.unchanged", release: "r2" }, create?.id);
    run.settle();
    expect(run.last().outcome).toBe("unchanged");
    expect(run.state).toMatchObject({ active: "r1", instances });
  });

  test("while another runs is refused, with who began it and where it is, and nothing is ordered", () => {
    const run = deployed(1);
    run.deploy();
    const { state } = run;
    for (const decision of [
      run.deploy(),
      run.rollback(),
      run.ask("restart"),
      run.scale({ web: 1 }),
      run.ask("suspend"),
      run.ask("resume"),
    ]) {
      expect(decision.refusal).toMatchObject({ code: "ERR_DEPLOYMENT_RUNNING", why: expect.stringContaining("alice") as string });
      expect(decision).toMatchObject({ commands: [], notes: [], state });
    }
  });
});

describe("a deployment that fails goes back by itself:", () => {
  const back = (run: CoreRun): void => {
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", capacity: { lowest: 3 } });
    expect(run.state.active).toBe("r1");
    expect(run.serving()).toBe("r1 r1 r1");
    expect(run.instances()).toHaveLength(3);
  };

  test("the build fails", () => {
    const run = deployed(1);
    run.deploy();
    const create = run.until("release.create");
    run.send({ kind: "release.failed", release: "r2", failure: { code: "ERR_BUILD_FAILED", what: "No." } }, create?.id);
    back(run);
    expect(run.ordered).toContainEqual(expect.objectContaining({ kind: "release.discard", release: "r2" }));
  });

  test.each([1, 2, 3])("the command of instance %i cannot be started", (which) => {
    const run = deployed(1);
    run.deploy();
    for (let before = 1; before < which; before += 1) run.answer(run.until("instance.start")!);
    const start = run.until("instance.start");
    const instance = start?.kind === "instance.start" ? start.instance : "";
    run.send({ kind: "instance.startFailed", instance, failure: { code: "ERR_COMMAND_NOT_FOUND", what: "No." } }, start?.id);
    back(run);
    expect(run.last().failure?.code).toBe("ERR_COMMAND_NOT_FOUND");
  });

  test.each([1, 2, 3])("instance %i does not become ready", (which) => {
    const run = deployed(1);
    run.deploy();
    for (let before = 1; before < which; before += 1) run.answer(run.until("instance.awaitReady")!);
    const wait = run.until("instance.awaitReady");
    const instance = wait?.kind === "instance.awaitReady" ? wait.instance : "";
    run.send({ kind: "instance.unready", instance, failure: { code: "ERR_INSTANCE_UNREADY", what: "No." } }, wait?.id);
    back(run);
    expect(run.last().failure?.code).toBe("ERR_INSTANCE_UNREADY");
  });

  test("a new instance ends while it serves", () => {
    const run = deployed(1);
    run.deploy();
    run.until("traffic.drain");
    const fresh = run.instances().find(({ release }) => release === "r2");
    run.send({ kind: "instance.exited", instance: fresh?.name ?? "", how: "was ended by SIGKILL", logTail: [] });
    back(run);
    expect(run.last().failure?.what).toContain("while it served");
  });

  test("an old instance that ended by itself is not missed twice", () => {
    const run = deployed(1);
    run.deploy();
    run.until("instance.awaitReady");
    run.send({ kind: "instance.exited", instance: "web.r1.1", how: "is gone", logTail: [] });
    const before = run.tables.length;
    run.settle();
    expect(run.last().outcome).toBe("done");
    const sizes = run.tables.slice(before).map(({ pools }) => pools.reduce((sum, { weight }) => sum + weight, 0));
    expect(Math.min(...sizes)).toBe(3);
  });

  test("what was only drained serves again, without a start", () => {
    const run = deployed(1);
    run.deploy();
    run.until("traffic.drain");
    const before = run.ordered.filter(({ kind }) => kind === "instance.start").length;
    run.ask("abort");
    back(run);
    expect(run.ordered.filter(({ kind }) => kind === "instance.start")).toHaveLength(before);
  });

  test("the proxy refuses the table", () => {
    const run = deployed(1);
    run.deploy();
    const apply = run.until("traffic.apply");
    const revision = apply?.kind === "traffic.apply" ? apply.table.revision : 0;
    run.send({ kind: "traffic.refused", revision, failure: { code: "ERR_LISTEN_ADDRESS_TAKEN", what: "Taken." } }, apply?.id);
    back(run);
  });

  test("and when going back fails again and again, what serves is left alone and it says so", () => {
    const run = deployed(1);
    run.deploy();
    for (let answered = 0; run.state.deployment?.stage !== 1; answered += 1) {
      const [next] = run.pending;
      if (next === undefined || answered > 100) throw new Error("there was no second batch");
      run.answer(next);
    }
    run.ask("abort");
    for (let time = 0; run.isRunning() && time < 10; time += 1) {
      const start = run.until("instance.start");
      const instance = start?.kind === "instance.start" ? start.instance : "";
      if (start !== null)
        run.send({ kind: "instance.startFailed", instance, failure: { code: "ERR_COMMAND_NOT_FOUND", what: "No." } }, start.id);
    }
    expect(run.last().outcome).toBe("failed");
    expect(run.serving()).toContain("r1 r1");
    expect(run.notes).toContain("going back failed too; what serves is left running");
  });
});

describe("whatever has been answered so far,", () => {
  /** As many answers as a whole deployment of this size takes. */
  const answersOfOne = (): number => {
    const run = deployed(1, simSpec("shop", 3, 1));
    const before = run.events.length;
    run.deploy(run.spec);
    run.settle();
    return run.events.length - before;
  };

  const after = (answers: number): CoreRun => {
    const run = deployed(1, simSpec("shop", 3, 1));
    run.deploy(run.spec);
    for (let answer = 0; answer < answers && run.pending[0] !== undefined; answer += 1) run.answer(run.pending[0]);
    return run;
  };

  const whole = (run: CoreRun): void => {
    expect(run.isRunning()).toBe(false);
    const release = run.state.active ?? "";
    expect(run.serving()).toBe(`${release} ${release} ${release}`);
    expect(run.instances()).toHaveLength(4);
    expect(run.pending).toEqual([]);
    expect(run.last().capacity.lowest).toBe(3);
  };

  test("an abort goes back to the old release at full size, or comes too late and says so", () => {
    for (let answers = 0; answers <= answersOfOne(); answers += 1) {
      const run = after(answers);
      const { refusal } = run.ask("abort");
      run.settle();
      whole(run);
      if (refusal === null) expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_ABORTED" } });
      else expect(run.state.active).toBe("r2");
    }
  });

  test("the end of any instance leads to one whole release", () => {
    for (let answers = 0; answers <= answersOfOne(); answers += 1) {
      for (const { name } of after(answers).instances()) {
        const run = after(answers);
        run.send({ kind: "instance.exited", instance: name, how: "exited with code 1", logTail: [] });
        run.settle();
        expect(run.isRunning()).toBe(false);
        const release = run.state.active ?? "";
        expect(run.serving()).toBe(`${release} ${release} ${release}`);
        expect(run.instances()).toHaveLength(4);
      }
    }
  });

  test("a new daemon goes on, or back, to one whole release", () => {
    for (let answers = 0; answers <= answersOfOne(); answers += 1) {
      const run = after(answers);
      run.recover();
      run.settle();
      whole(run);
    }
  });

  test("every event of the past comes again and changes nothing but the count of commands", () => {
    for (let answers = 0; answers <= answersOfOne(); answers += 1) {
      const run = after(answers);
      const { deployment, instances, routes, active } = run.state;
      for (const { kind, ...rest } of run.events.slice()) {
        if (kind.endsWith(".requested") || kind === "ledger.closed" || kind === "ledger.opened") continue;
        run.send({ kind, ...rest } as (typeof run.events)[number]);
        expect(run.state).toMatchObject({ deployment, instances, routes, active });
      }
    }
  });
});
