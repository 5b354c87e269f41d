import { expect, test } from "vitest";
import type { RolloutSpec } from "../../../src/core/app-spec.ts";
import type { Command } from "../../../src/core/command.ts";
import { NOTIFIED, type Notification, type NotificationSpec } from "../../../src/core/notification.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const ALL: NotificationSpec = { target: { kind: "webhook", url: "env:HOOK", timeoutMs: 1_000 }, events: [...NOTIFIED] };
const FAILURES: NotificationSpec = {
  ...ALL,
  target: { kind: "command", command: "tell", timeoutMs: 1_000 },
  events: ["rolled-back"],
};
const GATE = { kind: "command", name: "errors", command: "x", timeoutMs: 1_000 } as const;
const isTimer = ({ kind }: Command): boolean => kind === "timer.set";

function spec(rollout: Partial<RolloutSpec> = {}, notifications = [ALL, FAILURES]): CoreRun["spec"] {
  const web = webOnly(2);
  return { ...web, notifications, rollout: { ...web.rollout, ...rollout } };
}

function told(run: CoreRun, kind: NotificationSpec["target"]["kind"] = "webhook"): readonly Notification[] {
  return run.ordered.flatMap((one) => (one.kind === "notify" && one.target.kind === kind ? [one.notification] : []));
}

test("scenario 107: started and promoted, rolled back with the reason: each who asked for it, with an id of its own", () => {
  const run = deployed(1, spec());
  expect(told(run).map(({ id }) => id)).toEqual(["shop/d1/started", "shop/d1/promoted"]);
  expect(told(run)[1]).toMatchObject({ app: "shop", kind: "deploy", by: "alice", from: null, to: "r1", reason: null });
  run.deploy(spec());
  const start = run.until("instance.start");
  const failure = { code: "ERR_COMMAND_NOT_FOUND", what: "There is no npm.", details: ["a line of a log"] } as const;
  if (start?.kind === "instance.start") run.send({ kind: "instance.startFailed", instance: start.instance, failure }, start.id);
  run.settle();
  expect(told(run).map(({ event }) => event)).toEqual(["started", "promoted", "started", "rolled-back"]);
  expect(told(run, "command").map(({ id }) => id)).toEqual(["shop/d2/rolled-back"]);
  const [last] = told(run, "command");
  expect(last?.reason).toEqual({ code: "ERR_COMMAND_NOT_FOUND", what: "There is no npm." });
  expect(last?.text).toMatch(/^shop d2: deploy r1 → r2 went back after .*\. There is no npm\.$/);
  expect(JSON.stringify(told(run))).not.toContain("a line of a log");
});

test("waiting for a person is told, waiting for a time is not, and an operator's own pause is not", () => {
  const run = deployed(1, spec());
  const steps = [
    { weight: 10, waitMs: 1_000 },
    { weight: 50, waitMs: null },
  ];
  run.deploy(spec({ strategy: "canary", steps }));
  run.settle(isTimer);
  run.ask("halt");
  run.ask("continue");
  expect(told(run).filter(({ event }) => event === "paused")).toEqual([]);
  run.settle();
  expect(told(run).at(-1)).toMatchObject({ id: "shop/d2/paused/1", event: "paused" });
  run.ask("promote");
  run.settle();
  expect(told(run).at(-1)?.event).toBe("promoted");
});

test("a gate that cannot tell says so to whoever has to decide", () => {
  const run = deployed(1, spec());
  run.deploy({ ...spec(), tasks: { gates: [GATE] } });
  const task = run.until("task.run");
  const result = { verdict: "not-enough-data", summary: "3 requests are too few" } as const;
  if (task?.kind === "task.run") run.send({ kind: "task.ended", task: task.task, result }, task.id);
  expect(told(run).at(-1)).toMatchObject({ event: "paused", reason: { what: "3 requests are too few." } });
});

test("a rollback is told to those of the release that it goes to; nothing to do is told to nobody", () => {
  const run = deployed(2, spec());
  run.rollback();
  run.settle();
  expect(told(run).slice(-2)).toMatchObject([
    { id: "shop/d3/started", kind: "rollback" },
    { id: "shop/d3/promoted", to: "r1" },
  ]);
  const before = told(run).length;
  run.deploy(spec());
  const create = run.until("release.create");
  if (create?.kind === "release.create") run.send({ kind: "release.unchanged", release: create.release }, create.id);
  run.settle();
  expect(told(run)).toHaveLength(before);
});

test("a receiver that is never told holds nothing up, and is told after a crash", () => {
  const run = deployed(1, spec());
  run.deploy(spec());
  run.settle(({ kind }) => kind === "notify");
  expect(run.last().outcome).toBe("done");
  const waiting = run.pending.filter(({ kind }) => kind === "notify");
  expect(waiting).toHaveLength(2);
  run.recover();
  expect(run.pending.filter(({ kind }) => kind === "notify")).toEqual(waiting);
});
