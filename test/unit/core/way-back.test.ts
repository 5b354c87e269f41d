import { expect, test } from "vitest";
import type { Command } from "../../../src/core/command.ts";
import { type CoreRun, deployed } from "../../support/core-run.ts";

/** One of two batches is through, and an operator wants it back: a third instance of r1 is being started. */
function halfWayBack(): CoreRun {
  const run = deployed(1);
  run.deploy();
  for (let answered = 0; run.state.deployment?.stage !== 1; answered += 1) {
    const [next] = run.pending;
    if (next === undefined || answered > 100) throw new Error("there was no second batch");
    run.answer(next);
  }
  run.ask("abort");
  return run;
}

/** The fewest that the tables held from the given one on. */
function fewest(run: CoreRun, from: number): number {
  return Math.min(...run.tables.slice(from).map(({ pools }) => pools.reduce((sum, { weight }) => sum + weight, 0)));
}

test.each(["instance.start", "instance.awaitReady"] as const)(
  "a stable instance that ends by itself on the way back, at %s, is replaced before the new side goes",
  (moment) => {
    const run = halfWayBack();
    run.until(moment);
    const old = run.instances().find(({ release, routed }) => release === "r1" && routed);
    run.send({ kind: "instance.exited", instance: old?.name ?? "", how: "is gone", logTail: [] });
    const before = run.tables.length;
    run.until("traffic.drain");
    expect(run.serving()).toBe("r1 r1 r1");
    run.settle();
    expect(fewest(run, before)).toBe(3);
    expect(run.last().outcome).toBe("rolled-back");
    expect(run.serving()).toBe("r1 r1 r1");
  },
);

test("once the new side is going, what ends of the stable one is replaced at once and the way back does not wait for it", () => {
  const run = halfWayBack();
  run.until("traffic.drain");
  const old = run.instances().find(({ release }) => release === "r1");
  run.send({ kind: "instance.exited", instance: old?.name ?? "", how: "is gone", logTail: [] });
  expect(run.pending.map(({ kind }) => kind)).toContain("instance.start");
  run.settle(({ kind }) => kind === "instance.start");
  expect(run.last().outcome).toBe("rolled-back");
  run.settle();
  expect(run.serving()).toBe("r1 r1 r1");
});

test("all that ended while the daemon was away is one setback, not one for each", () => {
  const run = halfWayBack();
  run.recover([]);
  expect(run.last().backAttempts).toBe(2);
  run.settle();
  expect(run.last().outcome).toBe("rolled-back");
  expect(run.serving()).toBe("r1 r1 r1");
});

test("an instance that was still coming when the way back failed is routed once it serves", () => {
  const run = halfWayBack();
  const start = run.until("instance.awaitReady");
  for (let time = 0; run.last().step !== "closing"; time += 1) {
    if (time > 5) throw new Error("it goes on trying");
    const { revision } = run.state.routes;
    run.send({ kind: "traffic.refused", revision, failure: { code: "ERR_PROXY_REFUSED", what: "No." } });
  }
  if (start !== null) run.answer(start);
  run.settle();
  expect(run.last().outcome).toBe("failed");
  expect(run.serving()).toBe("r1 r1 r1 r2");
});

test("what a failed way back has left goes with the next change of size", () => {
  const run = halfWayBack();
  for (let time = 0; run.isRunning() && time < 10; time += 1) {
    const start = run.until("instance.start");
    const instance = start?.kind === "instance.start" ? start.instance : "";
    const failure = { code: "ERR_COMMAND_NOT_FOUND", what: "No." } as const;
    if (start !== null) run.send({ kind: "instance.startFailed", instance, failure }, start.id);
  }
  expect(run.last().outcome).toBe("failed");
  run.scale({ web: 2 });
  run.settle();
  expect(run.serving()).toBe("r1 r1");
  expect(run.instances()).toHaveLength(2);
});

test("a table that is refused outside of a deployment is ordered again after five seconds, and not before", () => {
  const run = deployed(1);
  run.recover();
  const apply = run.until("traffic.apply");
  const revision = apply?.kind === "traffic.apply" ? apply.table.revision : 0;
  const failure = { code: "ERR_LISTEN_ADDRESS_TAKEN", what: "Taken." } as const;
  const { commands } = run.send({ kind: "traffic.refused", revision, failure }, apply?.id);
  expect(commands).toMatchObject([{ kind: "timer.set", at: run.at + 5_000 }]);
  run.settle();
  expect(run.state.routes.appliedRevision).toBe(revision + 1);
});

test("a stop of the app is no way that can be gone back: a refused table is ordered again", () => {
  const run = deployed(1);
  run.recover();
  const apply = run.until("traffic.apply");
  run.ask("suspend");
  const revision = apply?.kind === "traffic.apply" ? apply.table.revision : 0;
  run.send({ kind: "traffic.refused", revision, failure: { code: "ERR_LISTEN_ADDRESS_TAKEN", what: "Taken." } }, apply?.id);
  run.settle();
  expect(run.last()).toMatchObject({ kind: "suspend", outcome: "done" });
  expect(run.instances()).toEqual([]);
});

test("an instance that was to go before it was ever ready does not serve when the deployment goes back", () => {
  const run = deployed(1);
  const [first] = run.instances();
  run.send({ kind: "instance.exited", instance: first?.name ?? "", how: "is gone", logTail: [] });
  const { instance } = run.until("instance.awaitReady") as Extract<Command, { kind: "instance.awaitReady" }>;
  run.scale({ web: 1 });
  run.settle(({ kind }) => kind === "instance.awaitReady" || kind === "instance.stop" || kind === "traffic.drain");
  run.ask("abort");
  run.settle(({ kind }) => kind === "instance.awaitReady");
  expect(run.tables.at(-1)?.pools.flatMap(({ targets }) => targets.map((target) => target.instance))).not.toContain(instance);
  run.settle();
  expect(run.serving()).toBe("r1 r1 r1");
});
