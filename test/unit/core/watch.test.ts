import { describe, expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import { phaseOf } from "../../../src/core/phase.ts";
import { WATCH_RULES } from "../../../src/core/judging/rules.ts";
import type { TaskResult, WatchTask } from "../../../src/core/task.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const WATCH: WatchTask = { kind: "watch", everyMs: 1_000, rules: WATCH_RULES };
const WORSE: TaskResult = { verdict: "fail", summary: "the new release is worse: 20 % of its requests fail" };
const TOO_FEW: TaskResult = { verdict: "not-enough-data", summary: "too few requests to judge" };
const FINE: TaskResult = { verdict: "pass", summary: "the new release is no worse" };
const STRATEGIES = ["rolling", "blue-green", "canary"] as const;

function spec(rollout: Partial<RolloutSpec> = {}): CoreRun["spec"] {
  const web = webOnly(4);
  const steps = [{ weight: 20, waitMs: 0 }];
  return { ...web, tasks: { watch: WATCH }, rollout: { ...web.rollout, standbyMs: 60_000, steps, ...rollout } };
}

/** r2 is being deployed and gets its first requests. */
function shifting(rollout: Partial<RolloutSpec>): CoreRun {
  const run = deployed(1, spec(rollout));
  run.deploy(spec(rollout));
  run.until("task.run");
  return run;
}

/** The task's end, as the engine would tell it. */
function judged(run: CoreRun, result: TaskResult): void {
  const watch = run.pending.find(({ kind }) => kind === "task.run");
  if (watch?.kind !== "task.run") throw new Error("nothing is watched");
  run.send({ kind: "task.ended", task: watch.task, result }, watch.id);
}

/** As far as it goes while the default gate still watches. */
function settleButWatch(run: CoreRun, timers = true): void {
  run.settle(({ kind }) => kind === "task.run" || (!timers && kind === "timer.set"));
}

describe.each(STRATEGIES)("%s without a configured gate", (strategy) => {
  test("scenario 17: goes back by itself when the new release is found to be worse, with the reason", () => {
    const run = shifting({ strategy });
    judged(run, WORSE);
    run.settle();
    expect(run.last()).toMatchObject({
      outcome: "rolled-back",
      failure: { code: "ERR_TASK_FAILED", what: expect.stringContaining("20 %") as string },
    });
    expect(run.serving()).toBe("r1 r1 r1 r1");
  });

  test("is not held up by it; before the last old instances go it says what it has seen", () => {
    const run = shifting({ strategy });
    settleButWatch(run);
    const concluded = run.ordered.filter(({ kind }) => kind === "task.conclude");
    expect(concluded).toHaveLength(1);
    expect(run.serving(), "the old release can still take over").toContain("r1".repeat(Number(strategy === "rolling")));
    expect(run.last().outcome).toBeNull();
    judged(run, FINE);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "done", tasks: { "d2/watch": { result: FINE } } });
  });

  test("scenario 62: too little data neither stops it nor passes in silence", () => {
    const run = shifting({ strategy });
    settleButWatch(run);
    judged(run, TOO_FEW);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "done", tasks: { "d2/watch": { result: TOO_FEW, accepted: true } } });
    expect(run.notes).toContain("it goes on unjudged: no gate was asked for");
  });

  test("a daemon that comes back takes it up once, and its conclusion too", () => {
    const run = shifting({ strategy });
    run.recover();
    expect(run.pending.filter(({ kind }) => kind === "task.run")).toHaveLength(1);
    settleButWatch(run);
    const [first] = run.ordered.filter(({ kind }) => kind === "task.conclude");
    run.recover();
    // What was told to the daemon that is gone is told to this one.
    const told = run.pending.find(({ kind }) => kind === "task.conclude");
    expect(told).toEqual({ ...first, id: told?.id });
    judged(run, FINE);
    run.settle();
    expect(run.last().outcome).toBe("done");
    expect(run.ordered.filter(({ kind }) => kind === "task.run")).toHaveLength(1);
  });

  test("a failure that an operator has turned automatic rollback off for pauses it; promote goes on", () => {
    const run = shifting({ strategy, autoRollback: false });
    judged(run, WORSE);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: null, halted: { by: "hitless" } });
    run.ask("promote");
    run.settle();
    expect(run.last().outcome).toBe("done");
  });
});

test("promote --full drops the waiting, not the watching: that costs no time", () => {
  const run = shifting({ strategy: "canary", steps: [{ weight: 20, waitMs: null }] });
  run.send({ kind: "promote.requested", by: "alice", full: true });
  settleButWatch(run);
  judged(run, WORSE);
  run.settle();
  expect(run.last().outcome).toBe("rolled-back");
});

test("a first release, a restart and a rollback are not watched: there is nothing better to go back to", () => {
  const run = deployed(2, spec({ strategy: "blue-green" }));
  const watched = run.ordered.filter(({ kind }) => kind === "task.run").length;
  expect(watched).toBe(1);
  run.ask("restart");
  run.settle();
  run.rollback();
  run.settle();
  expect(run.ordered.filter(({ kind }) => kind === "task.run")).toHaveLength(watched);
});

describe("the bake", () => {
  const timers = (run: CoreRun): number[] =>
    run.ordered.flatMap((command) => (command.kind === "timer.set" ? [command.at - run.at] : [])).slice(-1);

  test.each(["blue-green", "canary"] as const)(
    "of %s is ten seconds with all of the requests, and can be cut short",
    (strategy) => {
      const run = shifting({ strategy });
      settleButWatch(run, false);
      expect(phaseOf(run.last())).toBe("baking");
      expect(run.last()).toMatchObject({ share: 100, step: "waiting" });
      expect(timers(run)[0]).toBeGreaterThan(9_000);
      expect(run.ordered.some(({ kind }) => kind === "task.conclude")).toBe(false);
      run.ask("promote");
      settleButWatch(run, false);
      expect(run.ordered.some(({ kind }) => kind === "task.conclude")).toBe(true);
    },
  );

  test("is none by rolling unless it is asked for, and none for a first release", () => {
    const run = shifting({ strategy: "rolling" });
    settleButWatch(run);
    expect(run.ordered.filter(({ kind }) => kind === "timer.set")).toEqual([]);
    const first = deployed(1, spec({ strategy: "rolling", bakeMs: 5_000 }));
    expect(first.ordered.filter(({ kind }) => kind === "timer.set")).toEqual([]);
    const asked = shifting({ strategy: "rolling", bakeMs: 5_000 });
    settleButWatch(asked, false);
    expect(phaseOf(asked.last())).toBe("baking");
    expect(asked.serving(), "the last old instance stays until then").toBe("r1 r2 r2 r2 r2");
  });

  test("scenario 17: an instance of the new release that dies meanwhile takes it back", () => {
    const run = shifting({ strategy: "blue-green" });
    settleButWatch(run, false);
    const [victim] = run.instances().filter(({ release }) => release === "r2");
    run.send({ kind: "instance.exited", instance: victim?.name ?? "", how: "was ended by SIGSEGV", logTail: [] });
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_INSTANCE_EXITED" } });
    expect(run.serving()).toBe("r1 r1 r1 r1");
  });
});
