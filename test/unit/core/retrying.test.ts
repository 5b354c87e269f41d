import { describe, expect, test } from "vitest";
import type { RolloutSpec, TasksSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { HOOKS, type Task, type TaskResult } from "../../../src/core/task.ts";
import { WATCH_RULES } from "../../../src/core/judging/rules.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

type Run = Extract<Command, { kind: "task.run" }>;

const FAIL: TaskResult = { verdict: "fail", summary: "it exited with code 1" };
const UNDECIDED: TaskResult = { verdict: "not-enough-data", summary: "3 requests are too few" };
const PASS: TaskResult = { verdict: "pass", summary: "it passed" };
const GATES: TasksSpec = { gates: [command("errors"), command("latency")] };
const HOOKED: TasksSpec = {
  hooks: Object.fromEntries(HOOKS.map((hook) => [hook, { kind: "hook", hook, command: "x", timeoutMs: 1_000 } as const])),
};
const isTimer = ({ kind }: Command): boolean => kind === "timer.set";

function command(name: string): Task {
  return { kind: "command", name, command: "x", timeoutMs: 1_000 };
}

function spec(tasks: TasksSpec = {}, rollout: Partial<RolloutSpec> = {}): CoreRun["spec"] {
  const web = webOnly(2);
  return { ...web, tasks, rollout: { ...web.rollout, strategy: "blue-green", standbyMs: 60_000, ...rollout } };
}

/** r1 is active; r2 comes and is at rest but for its tasks. */
function deploying(tasks: TasksSpec, rollout: Partial<RolloutSpec> = {}): CoreRun {
  const run = deployed(1, spec());
  run.deploy(spec(tasks, rollout));
  run.settle((one) => isTimer(one) || one.kind === "task.run");
  return run;
}

function tasksOf(run: CoreRun): readonly Run[] {
  return run.pending.filter((one): one is Run => one.kind === "task.run");
}

/** Every task that runs comes to this. */
function end(run: CoreRun, result: TaskResult): readonly string[] {
  const tasks = tasksOf(run);
  for (const { id, task } of tasks) run.send({ kind: "task.ended", task, result }, id);
  run.settle((one) => isTimer(one) || one.kind === "task.run");
  return tasks.map(({ task }) => task);
}

describe("a release that went back is deployed again by a retry:", () => {
  test.each(["rolling", "blue-green", "canary"] as const)(
    "%s, from the stable release, as it is, with its hooks once more",
    (strategy) => {
      const run = deploying(HOOKED, { strategy, steps: [{ weight: 50, waitMs: 0 }] });
      end(run, FAIL);
      end(run, PASS);
      expect(run.last()).toMatchObject({ outcome: "rolled-back" });
      expect(run.state).toMatchObject({ active: "r1", returned: { release: "r2" } });
      const { ordered } = run;
      const before = ordered.length;
      expect(run.ask("retry").refusal).toBeNull();
      run.settle(isTimer);
      expect(run.last()).toMatchObject({ name: "d3", kind: "deploy", strategy, from: "r1", to: "r2", outcome: "done" });
      const hooks = ordered.slice(before).flatMap((one) => (one.kind === "task.run" ? [one.task.split("/")[0]] : []));
      expect(hooks, "each hook, in the deployment's own name").toEqual(["d3", "d3", "d3", "d3"]);
      expect(run.state).toMatchObject({ active: "r2", returned: undefined });
      expect(run.ordered).not.toContainEqual(expect.objectContaining({ kind: "release.discard" }));
    },
  );

  test("also the first one, also after a restart and a change of size, and again and again", () => {
    const run = deployed(0);
    run.deploy(spec(GATES));
    run.settle((one) => isTimer(one) || one.kind === "task.run");
    end(run, FAIL);
    expect(run.state.active).toBeNull();
    for (const name of ["d2", "d3"]) {
      run.ask("retry");
      run.settle((one) => isTimer(one) || one.kind === "task.run");
      expect(run.last()).toMatchObject({ name, from: null, to: "r1" });
      end(run, name === "d2" ? FAIL : PASS);
    }
    run.settle(isTimer);
    expect(run.state).toMatchObject({ active: "r1", promoted: ["r1"] });
    run.deploy(spec(GATES));
    run.settle((one) => isTimer(one) || one.kind === "task.run");
    end(run, FAIL);
    for (const change of [() => run.ask("restart"), () => run.scale({ web: 3 })]) {
      change();
      run.settle(isTimer);
    }
    run.ask("retry");
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ from: "r1", to: "r2", outcome: "done" });
    expect(run.tables.at(-1)?.pools).toMatchObject([{ weight: 0 }, { release: "r2", weight: 3 }]);
  });

  test("it outlives the daemon, also while it is being prepared", () => {
    const run = deploying(GATES);
    end(run, FAIL);
    run.recover();
    run.ask("retry");
    run.recover();
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ name: "d3", to: "r2", outcome: "done" });
  });

  test("while deployments are frozen only with a reason, which goes on record", () => {
    const run = deploying(GATES);
    end(run, FAIL);
    const frozen = { window: "weekend", until: null };
    expect(run.send({ kind: "retry.requested", by: "alice", frozen }).refusal?.code).toBe("ERR_FROZEN");
    run.send({ kind: "retry.requested", by: "alice", frozen, override: "it must be" });
    expect(run.last()).toMatchObject({ name: "d3", override: "it must be" });
  });

  test("a newer release takes its place, and what was kept of it goes", () => {
    const run = deploying(GATES);
    end(run, FAIL);
    run.deploy(spec());
    expect(run.pending).toContainEqual(expect.objectContaining({ kind: "release.discard", release: "r2" }));
    run.settle(isTimer);
    expect(run.ask("retry").refusal).toMatchObject({
      code: "ERR_NOTHING_TO_RETRY",
      what: expect.stringContaining("d3") as string,
    });
    expect(Object.keys(run.state.releases)).toEqual(["r1", "r3"]);
  });

  test("is refused where nothing was kept, and for what is no release, with what to do", () => {
    const run = deployed(0);
    expect(run.ask("retry").refusal).toMatchObject({
      code: "ERR_NOTHING_TO_RETRY",
      what: expect.stringContaining("never deployed") as string,
    });
    run.deploy(spec());
    const create = run.until("release.create");
    run.send({ kind: "release.failed", release: "r1", failure: { code: "ERR_BUILD_FAILED", what: "No." } }, create?.id);
    run.settle(isTimer);
    expect(run.ask("retry").refusal?.why).toContain("r1 was never made");
    run.deploy(spec());
    run.settle(isTimer);
    expect(run.ask("retry").refusal?.why).toContain("did what it was to do");
    run.ask("restart");
    run.until("instance.awaitReady");
    run.ask("abort");
    run.settle(isTimer);
    expect(run.ask("retry").refusal?.why).toContain("but a restart");
  });

  test("never by a rollback, which would leave its gates out", () => {
    const run = deploying(GATES);
    end(run, FAIL);
    expect(run.rollback("r2").refusal).toMatchObject({
      code: "ERR_NO_ROLLBACK_TARGET",
      next: expect.stringContaining("retry") as string,
    });
    expect(run.rollback("r9").refusal?.why).toBe("Kept are r1.");
  });

  test("whose making fails the second time is gone", () => {
    const run = deploying(GATES);
    end(run, FAIL);
    run.ask("retry");
    const create = run.until("release.create");
    run.send({ kind: "release.failed", release: "r2", failure: { code: "ERR_TIMEOUT", what: "No." } }, create?.id);
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ name: "d3", outcome: "rolled-back" });
    expect(run.state).toMatchObject({ active: "r1", returned: undefined });
    expect(Object.keys(run.state.releases)).toEqual(["r1"]);
  });
});

describe("a running deployment judges again by a retry:", () => {
  test("what failed or could not tell, each under a new id; what passed stands", () => {
    const target = { kind: "webhook", url: "http://127.0.0.1:9", timeoutMs: 1_000 } as const;
    const run = deployed(1, spec());
    run.deploy({ ...spec(GATES), notifications: [{ target, events: ["paused"] }] });
    run.settle((one) => isTimer(one) || one.kind === "task.run");
    const [first, second] = tasksOf(run);
    run.send({ kind: "task.ended", task: first?.task ?? "", result: PASS }, first?.id);
    run.send({ kind: "task.ended", task: second?.task ?? "", result: UNDECIDED }, second?.id);
    run.settle(isTimer);
    expect(run.last().halted).toBeDefined();
    run.ask("retry");
    expect(run.last().halted).toBeUndefined();
    expect(tasksOf(run).map(({ task }) => task)).toEqual(["d2/1/after/1/retry/2"]);
    end(run, UNDECIDED);
    expect(run.last().halted, "it cannot tell this time either").toBeDefined();
    const told = run.ordered.flatMap((one) => (one.kind === "notify" ? [one.notification.id] : []));
    expect(told, "each pause is told of").toEqual(["shop/d2/paused/1", "shop/d2/paused/1/1"]);
    run.recover();
    run.ask("retry");
    expect(end(run, PASS)).toEqual(["d2/1/after/1/retry/3"]);
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ outcome: "done" });
  });

  test("a verdict that comes late under the old id says nothing any more", () => {
    const run = deploying(GATES, { autoRollback: false });
    const [first] = tasksOf(run);
    end(run, FAIL);
    run.ask("retry");
    run.send({ kind: "task.ended", task: first?.task ?? "", result: PASS });
    run.settle((one) => isTimer(one) || one.kind === "task.run");
    expect(run.last()).toMatchObject({ step: "baking", outcome: null });
  });

  test("the default gate, from then on", () => {
    const run = deploying(
      { watch: { kind: "watch", everyMs: 1_000, rules: WATCH_RULES } },
      { autoRollback: false, bakeMs: 1_000 },
    );
    end(run, FAIL);
    run.ask("retry");
    expect(tasksOf(run).map(({ task }) => task)).toEqual(["d2/watch/retry/1"]);
    run.settle(({ kind }) => kind === "task.run");
    expect(run.last().outcome, "its verdict is waited for").toBeNull();
    end(run, PASS);
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ outcome: "done" });
  });

  test("never a hook, which is run once", () => {
    const run = deploying(HOOKED, { autoRollback: false });
    end(run, FAIL);
    expect(run.ask("retry").refusal).toMatchObject({ code: "ERR_NOT_NOW", what: expect.stringContaining("once") as string });
  });

  test("nor anything where all is well, or on the way back, with what can be said", () => {
    const run = deploying(GATES);
    const { refusal } = run.ask("retry");
    expect(refusal).toMatchObject({ code: "ERR_NOT_NOW", what: expect.stringContaining("baking") as string });
    expect(refusal?.next).toContain("`hitless abort`");
    expect(refusal?.next).not.toContain("retry");
    run.ask("abort");
    expect(run.ask("retry").refusal?.what).toContain("When it has gone back, r2 can be tried again");
  });
});
