import { describe, expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { previewWay } from "../../../src/core/previews.ts";
import { simSpec } from "../../../sim/spec.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const isWindow = (command: Command): boolean => command.kind === "timer.set";

function blueGreen(rollout: Partial<RolloutSpec> = {}, instances = 3): CoreRun["spec"] {
  const spec = webOnly(instances);
  return { ...spec, rollout: { ...spec.rollout, strategy: "blue-green", standbyMs: 600_000, ...rollout } };
}

/** r1 by blue-green, r2 promoted with r1 on standby. */
function promoted(spec = blueGreen()): CoreRun {
  const run = deployed(1, spec);
  run.deploy(spec);
  run.settle(isWindow);
  return run;
}

/** `r1:0 r2:3`: the pools of the last table and their weights. */
function weights(run: CoreRun): string {
  return (run.tables.at(-1)?.pools ?? []).map(({ release, weight }) => `${release}:${String(weight)}`).join(" ");
}

describe("a blue-green deployment", () => {
  test("brings the new side up whole, shows it to previews only, and moves every request in one table", () => {
    const run = promoted();
    expect(run.tables.slice(-3).map(({ pools }) => pools.map(({ weight, targets }) => [weight, targets.length]))).toEqual([
      [[3, 3]],
      [
        [3, 3],
        [0, 3],
      ],
      [
        [0, 3],
        [3, 3],
      ],
    ]);
    expect(run.last()).toMatchObject({ outcome: "done", capacity: { atStart: 3, lowest: 3 } });
    expect(run.state.standby).toMatchObject({ release: "r1", generation: 1 });
    expect(run.instances()).toHaveLength(6);
  });

  test("scenario 45: not yet promoted, everything is the old side's, and previews reach the new one only", () => {
    const spec = blueGreen({ promoteAfterMs: null });
    const run = deployed(1, blueGreen());
    run.deploy(spec);
    run.settle(isWindow);
    expect(run.last()).toMatchObject({ step: "waiting", outcome: null });
    expect(weights(run)).toBe("r1:3 r2:0");
    expect(run.tables.at(-1)?.pools[1]).toMatchObject({ release: "r2", preview: true });
    expect(previewWay(run.state)).toMatchObject({ release: "r2", header: { name: "X-Hitless-Preview" } });
    expect(run.notes.at(-1)).toContain("`hitless promote`");
  });

  test.each([
    [
      "after the time",
      (run: CoreRun): void => void run.settle((command) => !isWindow(command) || command.deployment === null),
      "r2",
    ],
    ["when it is told to", (run: CoreRun): void => void run.ask("promote"), "r2"],
    ["never, when it is aborted before", (run: CoreRun): void => void run.ask("abort"), "r1"],
  ] as const)("scenario 47: is promoted %s", (_title, act, active) => {
    const run = deployed(1, blueGreen());
    run.deploy(blueGreen({ promoteAfterMs: 60_000 }));
    run.settle(isWindow);
    expect(run.last().step).toBe("waiting");
    act(run);
    run.settle((command) => isWindow(command) && command.deployment === null);
    expect(run.state.active).toBe(active);
    expect(run.last().outcome).toBe(active === "r2" ? "done" : "rolled-back");
  });

  test("that fails takes nothing from the old side", () => {
    const run = deployed(1, blueGreen());
    run.deploy(blueGreen());
    const ready = run.until("instance.awaitReady");
    const name = ready?.kind === "instance.awaitReady" ? ready.instance : "";
    run.send({ kind: "instance.exited", instance: name, how: "exited with code 1", logTail: [] }, ready?.id);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", capacity: { lowest: 3 } });
    expect(weights(run)).toBe("r1:3");
    expect(run.instances()).toHaveLength(3);
  });

  test("starts workers only at the cutover, and stops the old ones then: they are not kept on standby", () => {
    const spec = simSpec("shop", 2, 1, { strategy: "blue-green", standbyMs: 600_000, promoteAfterMs: null });
    const run = deployed(0, spec);
    run.deploy(spec);
    run.settle();
    run.ask("promote");
    run.settle();
    run.deploy(spec);
    run.settle(isWindow);
    expect(run.instances().filter(({ type }) => type === "worker")).toMatchObject([{ release: "r1" }]);
    run.ask("promote");
    run.settle(isWindow);
    expect(run.instances().filter(({ type }) => type === "worker")).toMatchObject([{ release: "r2", status: "serving" }]);
    run.rollback();
    run.settle(isWindow);
    expect(run.instances().filter(({ type }) => type === "worker")).toMatchObject([{ release: "r1", status: "serving" }]);
  });

  test("an instance of the old side that dies while a decision is waited for is replaced", () => {
    const run = deployed(1, blueGreen());
    run.deploy(blueGreen({ promoteAfterMs: null }));
    run.settle(isWindow);
    run.send({ kind: "instance.exited", instance: "web.r1.1", how: "is gone", logTail: [] });
    run.settle(isWindow);
    expect(run.last().outcome).toBeNull();
    expect(weights(run)).toBe("r1:3 r2:0");
  });
});

describe("on standby", () => {
  test("scenario 48: a rollback within the window is one table, with no instance started and no health check", () => {
    const run = promoted();
    const ordered = run.ordered.length;
    run.rollback();
    run.settle(isWindow);
    const kinds = run.ordered.slice(ordered).map(({ kind }) => kind);
    expect(kinds).toEqual(["ledger.open", "traffic.apply", "timer.set", "ledger.close", "release.prune"]);
    expect(weights(run)).toBe("r1:3 r2:0");
    expect(run.state).toMatchObject({ active: "r1", standby: { release: "r2" } });
  });

  test("scenario 49: after the window a rollback is a deployment of the old release", () => {
    const run = promoted();
    run.settle();
    expect(run.state.standby).toBeUndefined();
    expect(weights(run)).toBe("r2:3");
    expect(run.instances()).toHaveLength(3);
    run.rollback();
    run.settle(isWindow);
    expect(run.ordered.filter((command) => command.kind === "instance.start" && command.release === "r1")).toHaveLength(6);
    expect(run.state).toMatchObject({ active: "r1", standby: { release: "r2" } });
  });

  test.each([
    [1, [0, 1]],
    [2, [2, 0]],
  ])("scenario 50: with %i of 3 gone what is left serves at once if it is half, else the missing come first", (gone, started) => {
    const run = promoted();
    const names = run.instances().flatMap(({ name, release }) => (release === "r1" ? [name] : []));
    for (const name of names.slice(0, gone)) run.send({ kind: "instance.exited", instance: name, how: "is gone", logTail: [] });
    run.settle(isWindow);
    expect(run.notes.at(-1)).toContain("is gone");
    expect(run.instances()).toHaveLength(6 - gone);
    run.rollback();
    expect(run.last().stages.map(({ start }) => start["web"] ?? 0)).toEqual(started);
    run.settle(isWindow);
    expect(weights(run)).toBe("r1:3 r2:0");
  });

  test("nothing is left of it when all of it has died, and a rollback is a deployment then", () => {
    const run = promoted();
    for (const { name, release } of run.instances()) {
      if (release === "r1") run.send({ kind: "instance.exited", instance: name, how: "is gone", logTail: [] });
    }
    expect(run.state.standby).toBeUndefined();
    run.rollback();
    run.settle(isWindow);
    expect(run.state.active).toBe("r1");
  });

  test("scenario 51: a rollback of the rollback goes forward again, as fast", () => {
    const run = promoted();
    run.rollback();
    run.settle(isWindow);
    const starts = run.ordered.filter(({ kind }) => kind === "instance.start").length;
    run.rollback();
    run.settle(isWindow);
    expect(run.state).toMatchObject({ active: "r2", standby: { release: "r1" } });
    expect(weights(run)).toBe("r1:0 r2:3");
    expect(run.ordered.filter(({ kind }) => kind === "instance.start")).toHaveLength(starts);
  });

  test("scenario 53: r1, r2 failed, r3: r3 replaces r1, and r1 is what is on standby", () => {
    const run = deployed(1, blueGreen());
    run.deploy(blueGreen());
    run.until("instance.awaitReady");
    run.ask("abort");
    run.settle(isWindow);
    run.deploy(blueGreen());
    run.settle(isWindow);
    expect(run.last()).toMatchObject({ from: "r1", to: "r3", outcome: "done" });
    expect(run.state.standby).toMatchObject({ release: "r1" });
  });

  test("a rollback that is aborted leaves it on standby as it was", () => {
    const run = promoted();
    run.rollback();
    run.settle((command) => isWindow(command) || command.kind === "traffic.apply");
    expect(weights(run)).toBe("r1:3 r2:0");
    run.ask("abort");
    run.settle(isWindow);
    expect(run.last().outcome).toBe("rolled-back");
    expect(run.state).toMatchObject({ active: "r2", standby: { release: "r1" } });
    expect(weights(run)).toBe("r1:0 r2:3");
  });

  test("the next promotion ends it: drained by every worker before it is stopped", () => {
    const run = promoted();
    run.deploy(blueGreen());
    run.settle(isWindow);
    expect(run.state.standby).toMatchObject({ release: "r2" });
    expect(weights(run)).toBe("r2:0 r3:3");
    const drained = run.ordered.find((command) => command.kind === "traffic.drain" && command.instances.includes("web.r1.1"));
    expect(drained).toMatchObject({ deployment: null });
    expect(run.instances().filter(({ release }) => release === "r1")).toEqual([]);
  });

  test("a daemon that comes back ends the window on time", () => {
    const run = promoted();
    run.recover();
    run.settle(isWindow);
    expect(run.state.standby).toMatchObject({ release: "r1" });
    run.settle();
    expect(run.instances()).toHaveLength(3);
  });

  test("nothing is kept where the window is 0, where instances are replaced one by one, and when the app is stopped", () => {
    const none = promoted(blueGreen({ standbyMs: 0 }));
    expect([none.state.standby, none.instances().length]).toEqual([undefined, 3]);
    const rolling = promoted(blueGreen({ strategy: "rolling" }));
    expect([rolling.state.standby, rolling.instances().length]).toEqual([undefined, 3]);
    const stopped = promoted();
    stopped.ask("suspend");
    stopped.settle(isWindow);
    expect([stopped.state.standby, stopped.instances().length]).toEqual([undefined, 0]);
  });

  test("a restart leaves it where it is", () => {
    const run = promoted();
    run.ask("restart");
    run.settle(isWindow);
    expect(run.state.standby).toMatchObject({ release: "r1" });
    expect(weights(run)).toBe("r1:0 r2:3");
  });
});
