import { expect, test } from "vitest";
import type { RolloutSpec, TasksSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { HOOKS, type HookName, type Task, type TaskResult } from "../../../src/core/task.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

type Run = Extract<Command, { kind: "task.run" }>;

const hook = (name: HookName): Extract<Task, { kind: "hook" }> => ({ kind: "hook", hook: name, command: "x", timeoutMs: 1_000 });
const command = (name: string): Task => ({ kind: "command", name, command: "x", timeoutMs: 1_000 });
const ALL_HOOKS = Object.fromEntries(HOOKS.map((name) => [name, hook(name)]));
const FAIL: TaskResult = { verdict: "fail", summary: "it exited with code 1", details: ["boom"] };
const UNDECIDED: TaskResult = { verdict: "not-enough-data", summary: "3 requests are too few" };
const isTimer = ({ kind }: Command): boolean => kind === "timer.set";

function spec(tasks: TasksSpec, rollout: Partial<RolloutSpec> = {}): CoreRun["spec"] {
  const web = webOnly(2);
  return { ...web, tasks, rollout: { ...web.rollout, strategy: "blue-green", standbyMs: 60_000, ...rollout } };
}

/** r2 is being deployed and this task of it runs. */
function until(run: CoreRun, name: string): Run {
  for (;;) {
    const task = run.pending.find((pending): pending is Run => pending.kind === "task.run");
    if (task !== undefined && nameOf(task) === name) return task;
    const next = run.pending.find((pending) => !isTimer(pending));
    if (next === undefined) throw new Error(`${name} never ran`);
    run.answer(next);
  }
}

function nameOf({ run }: Run): string {
  return run.kind === "hook" ? run.hook : "name" in run ? run.name : run.kind;
}

function ended(run: CoreRun, { id, task }: Run, result: TaskResult): void {
  run.send({ kind: "task.ended", task, result }, id);
}

function deploying(of: CoreRun["spec"]): CoreRun {
  const run = deployed(1, spec({}));
  run.deploy(of);
  return run;
}

function ran(run: CoreRun): readonly string[] {
  return run.ordered.flatMap((one) => (one.kind === "task.run" ? [nameOf(one)] : []));
}

test.each(["rolling", "blue-green", "canary"] as const)("each hook runs once, in its order, by %s", (strategy) => {
  const run = deploying(spec({ hooks: ALL_HOOKS }, { strategy, steps: [{ weight: 50, waitMs: 0 }] }));
  run.settle(isTimer);
  expect(run.last().outcome).toBe("done");
  expect(ran(run)).toEqual(["before-deploy", "before-cutover", "after-cutover", "after-deploy"]);
});

test("scenario 72: a before-deploy hook that fails ends it with nothing started and nothing changed", () => {
  const run = deploying(spec({ hooks: ALL_HOOKS }));
  const { tables, instances } = { tables: run.tables.length, instances: run.instances() };
  ended(run, until(run, "before-deploy"), FAIL);
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_TASK_FAILED", details: ["boom"] } });
  expect(run.instances()).toEqual(instances);
  expect(run.tables.length).toBe(tables);
  expect(ran(run)).toEqual(["before-deploy", "on-failure"]);
});

test("scenario 46: a check that fails takes the new side away; the old one was never touched", () => {
  const run = deploying(spec({ checks: [command("smoke"), command("login")] }));
  const smoke = until(run, "smoke");
  expect(run.tables.at(-1)?.pools).toMatchObject([{ release: "r1" }, { release: "r2", weight: 0, preview: true }]);
  ended(run, smoke, FAIL);
  expect(
    run.pending.map(({ kind }) => kind),
    "the other one is ended",
  ).toContain("task.cancel");
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ outcome: "rolled-back", capacity: { lowest: 2 } });
  expect(run.serving()).toBe("r1 r1");
});

test("scenario 17: a gate that fails after the cutover brings every request back in one table, and nothing is promoted", () => {
  const run = deploying(spec({ gates: [command("errors")] }));
  const gate = until(run, "errors");
  expect(run.tables.at(-1)?.pools).toMatchObject([
    { release: "r1", weight: 0 },
    { release: "r2", weight: 2 },
  ]);
  ended(run, gate, FAIL);
  run.settle(isTimer);
  expect(run.state).toMatchObject({ active: "r1" });
  expect(run.last()).toMatchObject({ outcome: "rolled-back" });
  expect(run.serving()).toBe("r1 r1");
});

test("each step of a canary has its gates", () => {
  const steps = [
    { weight: 10, waitMs: 0 },
    { weight: 50, waitMs: 0 },
  ];
  const run = deploying(spec({ gates: [command("errors")] }, { strategy: "canary", steps }));
  run.settle(isTimer);
  expect(ran(run)).toEqual(["errors", "errors", "errors"]);
});

test("scenarios 62 and 63: too little data pauses it, and an operator decides; as configured it goes on", () => {
  const run = deploying(spec({ gates: [command("errors")] }));
  ended(run, until(run, "errors"), UNDECIDED);
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ step: "baking", halted: { by: "hitless" }, outcome: null });
  expect(run.notes.at(-1)).toContain("not enough data");
  run.ask("promote");
  run.settle(isTimer);
  expect(run.last().outcome).toBe("done");
  const other = deploying(spec({ gates: [command("errors")], onNotEnoughData: "pass" }));
  ended(other, until(other, "errors"), UNDECIDED);
  other.settle(isTimer);
  expect(other.last().outcome).toBe("done");
});

test("with `wait` a gate is told how long it may wait for data, and too little even then pauses the deployment", () => {
  const run = deploying(spec({ gates: [command("errors")], onNotEnoughData: "wait", patienceMs: 90_000 }));
  const gate = until(run, "errors");
  expect(gate.patienceMs).toBe(90_000);
  ended(run, gate, UNDECIDED);
  run.settle(isTimer);
  expect(run.last()).toMatchObject({ halted: { by: "hitless" }, outcome: null });
});

test("without automatic rollback a failed gate pauses it: abort goes back, promote goes on all the same", () => {
  for (const [verb, outcome] of [
    ["abort", "rolled-back"],
    ["promote", "done"],
  ] as const) {
    const run = deploying(spec({ gates: [command("errors")] }, { autoRollback: false }));
    ended(run, until(run, "errors"), FAIL);
    run.settle(isTimer);
    expect(run.last()).toMatchObject({ halted: { by: "hitless" }, outcome: null });
    run.ask(verb);
    run.settle(isTimer);
    expect(run.last().outcome).toBe(outcome);
  }
});

test("an operator need not wait for a gate; --full leaves gates out and keeps hooks", () => {
  const run = deploying(spec({ hooks: ALL_HOOKS, checks: [command("smoke")], gates: [command("errors")] }));
  until(run, "smoke");
  run.send({ kind: "promote.requested", by: "alice", full: true });
  run.settle(isTimer);
  expect(run.last().outcome).toBe("done");
  expect(ran(run)).toEqual(["before-deploy", "smoke", "before-cutover", "after-cutover", "after-deploy"]);
});

test("a daemon that comes back takes the task up under the same id", () => {
  const run = deploying(spec({ gates: [command("errors")] }));
  const { task } = until(run, "errors");
  run.recover();
  expect(run.pending.flatMap((one) => (one.kind === "task.run" ? [one.task] : []))).toEqual([task]);
  run.settle(isTimer);
  expect(run.last().outcome).toBe("done");
});
