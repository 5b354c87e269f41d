import { describe, expect, test } from "vitest";
import type { Command } from "../../../src/core/command.ts";
import { type CoreRun, deployed, webOnly } from "../../support/core-run.ts";

const names = (run: CoreRun): readonly string[] => run.instances().map(({ name }) => name);

function sick(run: CoreRun, name: string): void {
  run.send({ kind: "instance.sick", instance: name, saw: "status 500" });
}

function fail(run: CoreRun, command: Command): void {
  if (command.kind !== "instance.awaitReady") throw new Error("nothing waits to be ready");
  const failure = { code: "ERR_INSTANCE_UNREADY", what: "No." } as const;
  run.send({ kind: "instance.unready", instance: command.instance, failure }, command.id);
}

describe("an instance that serves and fails its health checks", () => {
  test("is replaced start-first: it goes when the new one serves in its place", () => {
    const run = deployed(1, webOnly(3));
    const [first = ""] = names(run);
    const tables = run.tables.length;
    sick(run, first);
    expect(run.serving()).toBe("r1 r1 r1");
    expect(run.pending.map(({ kind }) => kind)).toEqual(["instance.start"]);
    run.settle();
    expect(names(run)).toHaveLength(3);
    expect(names(run)).not.toContain(first);
    expect(run.tables.slice(tables).every(({ pools }) => (pools[0]?.targets.length ?? 0) >= 3)).toBe(true);
    expect(run.notes.join("\n")).toContain(`in the place of ${first}, which fails its health checks`);
  });

  test("one of a type is replaced at a time, and all in the end", () => {
    const run = deployed(1, webOnly(3));
    const before = names(run);
    for (const name of before) sick(run, name);
    expect(run.pending.filter(({ kind }) => kind === "instance.start")).toHaveLength(1);
    run.settle();
    expect(names(run).filter((name) => before.includes(name))).toEqual([]);
    expect(run.serving()).toBe("r1 r1 r1");
  });

  test("scenario 23: while no new one becomes ready either, the old ones stay, and starts are spaced out", () => {
    const run = deployed(1, webOnly(2));
    const before = names(run);
    for (const name of before) sick(run, name);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const wait = run.until("instance.awaitReady");
      if (wait === null) throw new Error("nothing is tried any more");
      const from = run.at;
      fail(run, wait);
      const timer = run.pending.find(({ kind }) => kind === "timer.set");
      waits.push(timer?.kind === "timer.set" ? timer.at - from - 10 : 0);
    }
    expect(waits).toEqual([0, 250, 500, 1_000, 2_000, 4_000]);
    expect(names(run)).toEqual(expect.arrayContaining([...before]));
    expect(run.serving()).toBe("r1 r1");
  });

  test("is well again before the new one is ready: that one is not needed", () => {
    const run = deployed(1, webOnly(2));
    const before = names(run);
    sick(run, before[0] ?? "");
    run.until("instance.awaitReady");
    run.send({ kind: "instance.well", instance: before[0] ?? "" });
    run.settle();
    expect(names(run)).toEqual(before);
  });

  test("ends by itself while the new one comes: there are as many as there should be", () => {
    const run = deployed(1, webOnly(2));
    const [first = ""] = names(run);
    sick(run, first);
    run.until("instance.awaitReady");
    run.send({ kind: "instance.exited", instance: first, how: "exited with code 1", logTail: [] });
    run.settle();
    expect(names(run)).toHaveLength(2);
  });

  test("another one ends meanwhile: the sick one stays until all others are there", () => {
    const run = deployed(1, webOnly(3));
    const [first = "", second = ""] = names(run);
    sick(run, first);
    const fresh = run.until("instance.awaitReady");
    run.send({ kind: "instance.exited", instance: second, how: "exited with code 1", logTail: [] });
    if (fresh !== null) run.answer(fresh);
    expect(names(run)).toContain(first);
    run.settle();
    expect(names(run)).not.toContain(first);
    expect(run.serving()).toBe("r1 r1 r1");
  });

  test("scenario 21: one that is still coming up is not judged by it", () => {
    const run = deployed(1, webOnly(2));
    run.scale({ web: 3 });
    const coming = run.until("instance.awaitReady");
    const name = coming?.kind === "instance.awaitReady" ? coming.instance : "";
    sick(run, name);
    const found = run.instances().find((instance) => instance.name === name);
    expect([found?.status, found?.sick]).toEqual(["warming", undefined]);
    run.settle();
    expect(names(run)).toContain(name);
  });

  test("of a release that is not promoted yet, it is the deployment's failure", () => {
    const run = deployed(1, webOnly(3));
    run.deploy(webOnly(3));
    run.until("traffic.drain");
    const fresh = run.instances().find(({ release }) => release === "r2")?.name ?? "";
    sick(run, fresh);
    run.settle();
    expect(run.last()).toMatchObject({ outcome: "rolled-back", failure: { code: "ERR_INSTANCE_SICK" } });
    expect(run.serving()).toBe("r1 r1 r1");
  });

  test("a deployment replaces it like any other", () => {
    const run = deployed(1, webOnly(3));
    run.deploy(webOnly(3));
    run.until("instance.awaitReady");
    sick(run, names(run)[0] ?? "");
    run.settle();
    expect(run.last().outcome).toBe("done");
    expect(run.serving()).toBe("r2 r2 r2");
    expect(names(run)).toHaveLength(3);
  });
});
