import { describe, expect, test } from "vitest";
import type { BusyPolicy, RolloutSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import type { RouteTable } from "../../../src/core/routes.ts";
import { deployed, webOnly, type CoreRun } from "../../support/core-run.ts";

const isTimer = ({ kind }: Command): boolean => kind === "timer.set";

function canary(weight = 30): CoreRun["spec"] {
  const spec = webOnly(4);
  const steps = [{ weight, waitMs: null }];
  return { ...spec, rollout: { ...spec.rollout, strategy: "canary", standbyMs: 600_000, steps } };
}

/** r1 is active; r2 gets its part of the requests and waits. */
function begun(spec = canary()): CoreRun {
  const run = deployed(1, spec);
  run.deploy(spec);
  run.settle(isTimer);
  return run;
}

function serving({ pools }: RouteTable): readonly string[] {
  return pools.flatMap(({ weight, targets }) => (weight > 0 ? targets.map(({ instance }) => instance) : []));
}

describe("a newer deployment while one runs", () => {
  test("is refused, unless something else is said: on the command line, or else in its configuration", () => {
    const run = begun();
    const policy = (rollout: Partial<RolloutSpec>, whenBusy?: BusyPolicy): string | undefined => {
      const spec = { ...canary(), rollout: { ...canary().rollout, ...rollout } };
      return run.deploy(spec, whenBusy === undefined ? {} : { whenBusy }).refusal?.code;
    };
    expect(policy({})).toBe("ERR_DEPLOYMENT_RUNNING");
    expect(policy({ whenBusy: "queue" }, "refuse")).toBe("ERR_DEPLOYMENT_RUNNING");
    expect(policy({ whenBusy: "queue" })).toBeUndefined();
    expect(run.state.queued).toMatchObject({ release: "r3", by: "alice" });
  });

  test("waits for its turn: it begins when the running one has ended, and replaces what that has made active", () => {
    const run = begun();
    run.deploy(canary(), { by: "bob", whenBusy: "queue" });
    run.settle(isTimer);
    expect(run.last().name).toBe("d2");
    run.ask("promote");
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ name: "d3", by: "bob", from: "r2", to: "r3" });
    expect(run.state.queued).toBeUndefined();
  });

  test("waits for rollbacks and restarts too, and the app is not asked for twice", () => {
    const run = deployed(2);
    run.ask("restart");
    run.deploy(webOnly(3), { whenBusy: "supersede" });
    run.settle(isTimer);
    expect(run.ordered.filter(({ kind }) => kind === "freeze.look")).toHaveLength(1);
    expect(run.last()).toMatchObject({ name: "d4", from: "r2", to: "r3", outcome: "done" });
  });

  test("takes the place of one that waits; what was kept for that goes", () => {
    const run = begun();
    run.deploy(canary(), { by: "bob", whenBusy: "queue" });
    run.deploy(canary(), { by: "carol", whenBusy: "queue" });
    expect(run.notes.join("\n")).toContain("r3 of bob leaves the queue: r4, which carol deploys, takes its place");
    expect(run.pending).toContainEqual(expect.objectContaining({ kind: "release.discard", release: "r3" }));
    run.ask("promote");
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ from: "r2", to: "r4" });
  });

  test("can be taken back, once", () => {
    const run = begun();
    run.deploy(canary(), { whenBusy: "queue" });
    expect(run.ask("queue.clear").refusal).toBeNull();
    expect(run.pending).toContainEqual(expect.objectContaining({ kind: "release.discard", release: "r3" }));
    expect(run.ask("queue.clear").refusal?.code).toBe("ERR_NOTHING_RUNNING");
    expect(run.last()).toMatchObject({ name: "d2", direction: "forward", outcome: null });
  });

  test("leaves the queue when the app is stopped", () => {
    const run = deployed(1);
    run.deploy(webOnly(3));
    run.until("instance.awaitReady");
    run.deploy(webOnly(3), { whenBusy: "queue" });
    run.ask("abort");
    run.settle((command) => command.kind === "freeze.look");
    run.ask("suspend");
    run.settle();
    expect(run.state).toMatchObject({ suspended: true, queued: undefined });
    expect(run.instances()).toEqual([]);
  });

  test("outlives the daemon: while it waits, while it is asked for, and while its release is made", () => {
    const run = begun();
    run.deploy(canary(), { whenBusy: "queue" });
    run.recover();
    run.ask("promote");
    run.settle((command) => isTimer(command) || command.kind === "freeze.look");
    run.recover();
    run.until("release.create");
    expect(run.last()).toMatchObject({ name: "d3", step: "preparing" });
    run.recover();
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ name: "d3", step: "waiting", failure: null });
  });
});

test("scenario 53: r2 is superseded, r3 fails, r4 comes: each is compared with r1 and replaces it", () => {
  const run = begun();
  run.deploy(canary(), { whenBusy: "supersede" });
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ name: "d3", from: "r1", to: "r3", fromGeneration: 1 });
  const fresh = run.instances().find(({ release }) => release === "r3")?.name ?? "";
  run.send({ kind: "instance.exited", instance: fresh, how: "exited with code 1", logTail: [] });
  run.settle(isTimer);
  run.deploy(canary());
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ name: "d4", from: "r1", to: "r4", fromGeneration: 1 });
  run.ask("promote");
  run.settle(isTimer);
  expect(run.state).toMatchObject({ active: "r4", promoted: ["r1", "r4"], standby: { release: "r1" } });
});

test("scenario 67: a newer release comes while the canary has 30 %: that goes back first, nothing that is stopped gets a request, and the newer one begins from the old release", () => {
  const run = begun();
  const canaries = run.instances().flatMap(({ name, release }) => (release === "r2" ? [name] : []));
  expect(canaries.length).toBeGreaterThan(0);
  const before = run.tables.length;
  run.deploy(canary(), { by: "bob", whenBusy: "supersede" });
  expect(run.last()).toMatchObject({ name: "d2", direction: "back", failure: { code: "ERR_SUPERSEDED" } });
  run.settle(isTimer);
  const after = run.tables.slice(before);
  expect(after.flatMap(serving).filter((name) => canaries.includes(name))).toEqual([]);
  expect(run.last()).toMatchObject({ name: "d3", by: "bob", from: "r1", to: "r3" });
  expect(run.instances().some(({ release }) => release === "r2")).toBe(false);
});
