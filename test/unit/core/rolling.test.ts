import { describe, expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";
import { simSpec } from "../../../sim/spec.ts";

const isTimer = (command: Command): boolean => command.kind === "timer.set";

function rolling(instances: number, rollout: Partial<RolloutSpec>): CoreRun["spec"] {
  const spec = webOnly(instances);
  return { ...spec, rollout: { ...spec.rollout, ...rollout } };
}

/** How many serve in each table of the second deployment, and the most that ran at any time. */
function replaced(spec: CoreRun["spec"]): { serving: readonly number[]; most: number; run: CoreRun } {
  const run = deployed(1, spec);
  const before = run.tables.length;
  run.deploy(spec);
  let most = 0;
  while (run.pending.length > 0) {
    const [next] = run.pending;
    if (next !== undefined) run.answer(next);
    most = Math.max(most, run.instances().length);
  }
  const serving = run.tables.slice(before).map(({ pools }) => pools.reduce((sum, { targets }) => sum + targets.length, 0));
  return { serving, most, run };
}

const count = (number: number): RolloutSpec["batch"] => ({ kind: "count", count: number });

test("scenario 2: 4 instances one by one are never fewer than 4 ready and 5 running", () => {
  const { serving, most, run } = replaced(rolling(4, { batch: count(1) }));
  expect([Math.min(...serving), most]).toEqual([4, 5]);
  expect(run.last().outcome).toBe("done");
});

test("scenario 3: with surge 0 and maxUnavailable 1, 4 instances are never fewer than 3 serving, and never more than 4", () => {
  const { serving, most, run } = replaced(rolling(4, { batch: count(1), surge: count(0), maxUnavailable: count(1) }));
  expect([Math.min(...serving), most]).toEqual([3, 4]);
  expect(run.serving()).toBe("r2 r2 r2 r2");
});

test("scenario 4: a quarter of 10 is 3, 3, 3 and 1, the rest in the last batch", () => {
  const run = deployed(1, rolling(10, { batch: { kind: "percent", percent: 25 } }));
  run.deploy(run.spec);
  run.settle(({ kind }) => kind === "instance.start");
  expect(run.last().stages.map(({ start }) => start["web"])).toEqual([3, 3, 3, 1]);
});

test.each([
  [5, 1, 1],
  [5, 2, 0],
  [5, 0, 5],
  [3, 3, 1],
  [1, 0, 1],
  [10, 1, 3],
])("%i instances with surge %i and maxUnavailable %i keep both bounds", (instances, surge, unavailable) => {
  const bounds = { batch: count(2), surge: count(surge), maxUnavailable: count(unavailable) };
  const { serving, most, run } = replaced(rolling(instances, bounds));
  expect(Math.min(...serving)).toBeGreaterThanOrEqual(instances - unavailable);
  expect(most).toBeLessThanOrEqual(instances + surge);
  expect(run.last().outcome).toBe("done");
  expect(run.instances()).toHaveLength(instances);
});

describe("pauses", () => {
  test("the first batch serves until an operator says so, the next ones for a time", () => {
    const spec = rolling(3, { firstPauseMs: null, pauseMs: 30_000 });
    const run = deployed(1, rolling(3, {}));
    run.deploy(spec);
    run.settle();
    expect(run.last()).toMatchObject({ step: "waiting", stage: 0 });
    expect(run.notes.at(-1)).toBe("batch 1 of 3 serves; it waits for `hitless promote` (`hitless abort` goes back)");
    expect(run.serving()).toBe("r1 r1 r1 r2");
    run.ask("promote");
    run.settle(isTimer);
    expect(run.pending).toMatchObject([{ kind: "timer.set", timer: "wait/d2/1" }]);
    run.settle();
    expect(run.last().outcome).toBe("done");
  });
});

describe("what must not run twice", () => {
  test.each(["rolling", "blue-green", "canary"] as const)("is stopped before its successor is started, by %s", (strategy) => {
    const base = simSpec("shop", 2, 1, { strategy, steps: [{ weight: 50, waitMs: 0 }], standbyMs: 1_000 });
    const { web, worker } = base.processes;
    if (web === undefined || worker === undefined) throw new Error("the spec has both");
    const spec = { ...base, processes: { web, worker: { ...worker, stopFirst: true } } };
    const run = deployed(1, spec);
    run.deploy(spec);
    while (run.pending.length > 0) {
      const [next] = run.pending;
      if (next !== undefined) run.answer(next);
      expect(run.instances().filter(({ type }) => type === "worker").length).toBeLessThanOrEqual(1);
    }
    expect(run.last()).toMatchObject({ outcome: "done", capacity: { lowest: 2 } });
    expect(run.instances().filter(({ type }) => type === "worker")).toMatchObject([{ release: "r2" }]);
  });
});
