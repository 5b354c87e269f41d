import { describe, expect, test } from "vitest";
import { periodsWithin } from "../../../src/core/gate-state.ts";
import type { RouteTable } from "../../../src/core/routes.ts";
import { deployed, type CoreRun } from "../../support/core-run.ts";

const pause = (run: CoreRun, then: "refuse" | "resume" = "refuse", forMs = 30_000) =>
  run.send({ kind: "pause.requested", by: "alice", forMs, then });
const isTimer = ({ kind }: { kind: string }): boolean => kind === "timer.set";

function lastTable(run: CoreRun): RouteTable {
  const table = run.tables.at(-1);
  if (table === undefined) throw new Error("no table was ordered");
  return table;
}

describe("a pause", () => {
  test("stands in the next table, and once every worker has that one they are asked whether anything is in flight", () => {
    const run = deployed(1);
    pause(run);
    expect(lastTable(run).gate).toEqual({ pause: { until: run.at + 30_000, then: "refuse" }, exceptPaths: ["/up"] });
    expect(run.pending.map(({ kind }) => kind).sort()).toEqual(["timer.set", "traffic.apply"]);
    run.answer(run.until("traffic.apply")!);
    expect(run.pending.filter(({ kind }) => kind === "traffic.quiet")).toHaveLength(1);
    run.settle(isTimer);
    expect(run.state.gate?.pause?.quietAt).toBe(run.at);
    run.send({ kind: "unpause.requested", by: "bob" });
    expect(lastTable(run).gate).toBeUndefined();
    expect(run.state.gate?.ended).toMatchObject([{ kind: "pause", by: "alice" }]);
  });

  test("a deployment runs through it and does not end it", () => {
    const run = deployed(1);
    pause(run);
    run.deploy();
    run.settle(isTimer);
    expect(run.state.active).toBe("r2");
    expect(run.last().outcome).toBe("done");
    expect(run.tables.slice(-3).every(({ gate }) => gate?.pause !== undefined)).toBe(true);
    const { startedAt, endedAt } = run.last();
    expect(periodsWithin(run.state, startedAt, endedAt ?? 0)).toEqual([
      { kind: "pause", by: "alice", since: startedAt, until: endedAt },
    ]);
  });

  test("may begin while a deployment runs", () => {
    const run = deployed(1);
    run.deploy();
    run.until("instance.awaitReady");
    expect(pause(run).refusal).toBeNull();
    run.settle(isTimer);
    expect(run.last().outcome).toBe("done");
    expect(lastTable(run).gate?.pause).toBeDefined();
  });

  test("at its limit it ends by itself if that was asked for, else it stays until somebody resumes", () => {
    const resuming = deployed(1);
    pause(resuming, "resume");
    resuming.settle();
    expect(resuming.state.gate?.pause).toBeNull();
    expect(lastTable(resuming).gate).toBeUndefined();
    const refusing = deployed(1);
    pause(refusing, "refuse");
    refusing.settle();
    expect(refusing.state.gate?.pause).not.toBeNull();
    expect(refusing.notes.some((note) => note.includes("until `hitless resume`"))).toBe(true);
  });

  test("asked for again it has another limit: the timer of the first one means nothing any more", () => {
    const run = deployed(1);
    pause(run, "resume", 10_000);
    const first = run.pending.find(isTimer)!;
    pause(run, "resume", 60_000);
    run.answer(first);
    expect(run.state.gate?.pause?.until).toBeGreaterThan(run.at + 30_000);
  });

  test("a daemon that comes back sends it again, and asks on", () => {
    const run = deployed(1);
    pause(run);
    run.answer(run.until("traffic.apply")!);
    run.recover();
    expect(lastTable(run)).toMatchObject({ epoch: run.state.epoch, gate: { pause: { then: "refuse" } } });
    run.settle(isTimer);
    expect(run.state.gate?.pause?.quietAt).not.toBeNull();
  });

  test("is refused without an active release, and to end one that is not there too", () => {
    expect(pause(deployed(0)).refusal?.code).toBe("ERR_NOTHING_RUNNING");
    const run = deployed(1);
    expect(run.send({ kind: "unpause.requested", by: "alice" }).refusal?.code).toBe("ERR_GATE_OPEN");
    run.ask("suspend");
    run.settle();
    expect(pause(run).refusal?.code).toBe("ERR_NOTHING_RUNNING");
  });
});

describe("maintenance", () => {
  test("what is not given is as the release says; the health paths go through; it outlives deployments and a pause", () => {
    const run = deployed(1);
    run.send({ kind: "maintenance.requested", by: "alice", page: { status: 500, allow: ["10.0.0.0/8"], page: undefined } });
    const expected = { status: 500, retryAfterS: 120, page: null, allow: ["10.0.0.0/8"], allowCookies: [] };
    expect(lastTable(run).gate).toEqual({ maintenance: expected, exceptPaths: ["/up"] });
    pause(run, "resume");
    run.deploy();
    run.settle();
    expect(lastTable(run).gate).toEqual({ maintenance: expected, exceptPaths: ["/up"] });
    run.send({ kind: "maintenance.requested", by: "bob", page: null });
    expect(lastTable(run).gate).toBeUndefined();
    expect(run.state.gate?.ended.map(({ kind }) => kind)).toEqual(["pause", "maintenance"]);
    expect(run.send({ kind: "maintenance.requested", by: "bob", page: null }).refusal?.code).toBe("ERR_GATE_OPEN");
  });
});
