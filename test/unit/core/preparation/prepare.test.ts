import { expect, test } from "vitest";
import { ordered, type StepOrder } from "../../../../src/core/preparation/operations.ts";
import { columnsOf, NOT_WANTED, prepare } from "../../../../src/core/preparation/prepare.ts";
import { remainingMs } from "../../../../src/core/preparation/step-record.ts";
import { record, step } from "../../../support/steps.ts";

const about = { app: "shop", snapshot: "r2", database: "db/shop", now: 100 };

test("a step with another content begins anew and keeps what it took; done stays done; what failed is tried again; cancelled stays so", () => {
  const before = [
    record(step("0001-done"), { state: "done", workedMs: 5_000 }),
    record(step("0002-changed"), { state: "done", workedMs: 7_000, attempt: 3 }),
    record(step("0003-failed"), { state: "failed", failure: { code: "ERR_STEP_FAILED", what: "no" } }),
    record(step("0004-cancelled"), { state: "cancelled" }),
    record(step("0005-gone"), { state: "paused" }),
    record(step("0006-gone-but-runs"), { state: "running" }),
  ];
  const steps = ["0001-done", "0003-failed", "0004-cancelled"].map((name) => step(name));
  const { changed, conflicts } = prepare([...steps, step("0002-changed", { digest: "new" })], before, about);
  expect(conflicts).toEqual([]);
  expect(changed.map(({ definition: { name }, state, snapshot }) => [name, state, snapshot])).toEqual([
    ["0003-failed", "waiting", "r2"],
    ["0002-changed", "waiting", "r2"],
    ["0005-gone", "cancelled", "r1"],
  ]);
  expect(changed[1]).toMatchObject({ attempt: 3, workedMs: 0, estimateMs: 7_000, last: { ms: 7_000 } });
  expect(remainingMs(changed[1]!)).toBe(7_000);
});

test("what no file stands for is cancelled, a wait also while it runs; work goes on; with its file it is back, unless somebody has cancelled it", () => {
  const wait = { work: { kind: "wait", until: { kind: "approval", text: "all agree" } } } as const;
  const before = [
    record(step("0001-work"), { state: "running" }),
    record(step("0002-wait", wait), { state: "running" }),
    record(step("0003-failed"), { state: "failed" }),
    record(step("0004-given-up"), { state: "cancelled", reason: "cancelled by ada" }),
  ];
  const { changed, unwanted } = prepare([], before, about);
  expect(unwanted).toEqual(before.map(({ definition }) => definition.name));
  expect(changed.map(({ definition: { name }, state, reason }) => [name, state, reason])).toEqual([
    ["0002-wait", "cancelled", NOT_WANTED],
    ["0003-failed", "cancelled", NOT_WANTED],
  ]);
  const files = before.map(({ definition }) => definition);
  const back = prepare(files, [before[0]!, ...changed, before[3]!], about);
  expect(back.unwanted).toEqual([]);
  expect(back.changed.map(({ definition: { name }, state, reason, endedAt }) => [name, state, reason, endedAt])).toEqual([
    ["0002-wait", "waiting", null, null],
    ["0003-failed", "waiting", null, null],
  ]);
});

test("what was ended in the middle and may not be repeated is not begun again by a preparation, also when its file was away meanwhile", () => {
  const failure = { code: "ERR_STEP_BROKEN_OFF", what: "0001-once was ended in the middle" } as const;
  const once = step("0001-once", { idempotent: false });
  const before = record(once, { state: "incomplete", failure });
  const { changed } = prepare([once], [before], about);
  expect(changed).toMatchObject([{ state: "incomplete", failure, snapshot: "r2" }]);
  const away = prepare([], changed, about).changed;
  expect(away).toMatchObject([{ state: "cancelled" }]);
  expect(prepare([once], away, about).changed).toMatchObject([{ state: "incomplete", failure, reason: null }]);
  const again = ordered(before, { operation: "retry", by: "ada", percent: null, now: 1 });
  expect(again).toMatchObject({ record: { state: "waiting", failure: null } });
});

test("two releases that want the same column: refused while the first is not over, also between apps of one database", () => {
  const update = (set: string) => ({ work: { kind: "update", table: "public.Users", set, where: "true" } }) as const;
  const mine = [step("0002-b", update("mail = 1, name = f('a, b = c', 2)"))];
  const other = record(step("0001-a", update("NAME = 'x'")), { state: "running" });
  const said = "deploy/steps/0002-b.yaml sets users.name, as 0001-a of an earlier preparation does, which is running";
  expect(prepare(mine, [other], about).conflicts).toEqual([said]);
  const foreign = { ...other, app: "mailer", state: "paused" } as const;
  expect(prepare(mine, [foreign], about).conflicts[0]).toContain("0001-a of mailer does, which is paused");
  expect(prepare(mine, [{ ...foreign, lane: "db/other" }], about).conflicts).toEqual([]);
  expect(prepare(mine, [{ ...foreign, state: "done" }], about).conflicts).toEqual([]);
});

test("columns of a SET list: no comma of a function, no equals sign of a text is one", () => {
  expect(columnsOf(`a = f(b, c = 1), "B c" = 'x, y = 2', (d, E) = (SELECT 1, 2)`)).toEqual(["a", "B c", "d", "e"]);
});

test("orders: what fits the state, what is said, and the way back that a cancelled step has", () => {
  const tell = (given: ReturnType<typeof record>, operation: StepOrder["operation"], percent: number | null = null) =>
    ordered(given, { operation, by: "ada", percent, now: 9 });
  const running = record(step("0001-a", { undo: "ask Ada", maxTimeMs: 1_000 }), {
    state: "running",
    startedAt: 1,
    workedMs: 1_500,
    progress: { done: 12_345, total: null, perSecond: null, etaMs: null },
  });
  expect(tell(running, "cancel")).toMatchObject({
    record: { state: "cancelled", endedAt: 9 },
    said: "0001-a is cancelled. 12,345 rows have their new values. It is taken back like this: ask Ada",
  });
  expect(tell({ ...running, startedAt: null }, "cancel")).toMatchObject({ said: "0001-a is cancelled; it had changed nothing." });
  expect(tell(running, "pause")).toMatchObject({ record: { state: "paused", reason: "paused by ada" } });
  expect(tell({ ...running, state: "incomplete" }, "resume")).toMatchObject({ record: { state: "waiting", allowanceMs: 2_500 } });
  expect(tell(running, "throttle", 20)).toMatchObject({ record: { state: "running", throttle: 20 } });
  expect(tell(running, "run")).toMatchObject({ record: { state: "running", anyTime: true } });
  for (const [state, operation] of [
    ["done", "run"],
    ["running", "retry"],
    ["waiting", "resume"],
    ["running", "approve"],
  ] as const)
    expect(tell({ ...running, state }, operation)).toMatchObject({ kind: "refused", failure: { code: "ERR_NOT_NOW" } });
});
