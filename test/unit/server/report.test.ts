import { describe, expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { ZERO_COUNTS, type LedgerCounts, type LedgerRow, type LedgerSnapshot } from "../../../src/core/ledger.ts";
import type { Deployment } from "../../../src/core/state.ts";
import type { Traffic } from "../../../src/ports/traffic.ts";
import { newApp } from "../../../src/core/new-app.ts";
import { makeReport } from "../../../src/server/report.ts";

function row(release: string, counts: Partial<LedgerCounts>, latency: LedgerRow["latency"] = []): LedgerRow {
  return { release, counts: { ...ZERO_COUNTS, ...counts }, latency };
}

function snapshot(at: number, rows: readonly LedgerRow[], boot = "b1"): LedgerSnapshot {
  return { boot, app: "shop", at, rows, inFlight: 0, slowest: [] };
}

/** Only what a report reads of a deployment. */
function deploymentWith(ledger: Partial<Deployment["ledger"]>, more: Partial<Deployment> = {}): Deployment {
  return {
    name: "d2",
    kind: "deploy",
    by: "ada",
    startedAt: 1_000,
    endedAt: 5_000,
    from: "r1",
    to: "r2",
    generation: 2,
    fromGeneration: 1,
    counts: null,
    batch: null,
    direction: "forward",
    stages: [],
    stage: 0,
    step: "closing",
    stepSince: 5_000,
    starting: [],
    retiring: [],
    awaitedRevision: 0,
    force: false,
    failure: null,
    backAttempts: 0,
    capacity: { atStart: 4, lowest: 4 },
    cut: 0,
    outcome: "done",
    ...more,
    ledger: { opened: null, openedSettled: true, before: [], beforeMs: 0, closed: null, ...ledger },
  };
}

/** A proxy that has these counts now, or does not answer. */
function trafficWith(now: LedgerSnapshot | null): Traffic {
  return {
    ledger: () =>
      now === null ? Promise.reject(new HitlessError({ code: "ERR_PROXY_UNREACHABLE", what: "away" })) : Promise.resolve(now),
  } as unknown as Traffic;
}

describe("a report", () => {
  const opened = snapshot(1_000, [row("r1", { served: 100, appError: 1 })]);
  const closed = snapshot(5_000, [row("r1", { served: 150, appError: 3 }), row("r2", { served: 40, appError: 10, failed: 2 })]);

  test("counts what came between the two snapshots, and nothing else", async () => {
    const report = await makeReport(newApp("shop"), deploymentWith({ opened, closed }), trafficWith(closed), 6_000);
    expect(report.rows.map(({ release, total }) => [release, total])).toEqual([
      ["r1", 52],
      ["r2", 52],
    ]);
    expect(report).toMatchObject({ total: 104, lost: 2, caveat: null, durationMs: 4_000 });
    expect(report.errorShare).toEqual({ from: 2 / 52, to: 10 / 50 });
  });

  test("compares latency before, during and after, each with its window", async () => {
    const before = [row("r1", { served: 10 }, [[10, 10]])];
    const during = snapshot(5_000, [row("r1", { served: 20 }, [[10, 20]])]);
    const after = snapshot(9_000, [
      row("r1", { served: 30 }, [
        [10, 20],
        [12, 10],
      ]),
    ]);
    const deployment = deploymentWith({ opened: snapshot(1_000, []), before, beforeMs: 700, closed: during });
    const { latency } = await makeReport(newApp("shop"), deployment, trafficWith(after), 9_000);
    expect(latency.before).toEqual({ p50Ms: 0.01, p99Ms: 0.01, requests: 10, windowMs: 700 });
    expect(latency.during).toMatchObject({ requests: 20, windowMs: 4_000 });
    expect(latency.after).toEqual({ p50Ms: 0.012, p99Ms: 0.012, requests: 10, windowMs: 4_000 });
  });

  test("of a running deployment goes up to now", async () => {
    const running = deploymentWith({ opened }, { outcome: null, endedAt: null });
    const report = await makeReport(newApp("shop"), running, trafficWith(closed), 7_000);
    expect(report).toMatchObject({ total: 104, durationMs: 6_000 });
    expect(report.latency.after.requests).toBe(0);
  });

  test.each([
    ["the proxy was started anew", deploymentWith({ opened: snapshot(1, [], "b0"), closed }), /started anew/],
    ["the proxy did not answer at the end", deploymentWith({ opened }), /did not answer/],
    ["a worker was killed", deploymentWith({ opened, closed: snapshot(5_000, [row("-", { unaccounted: 260 })]) }), /worker/],
  ])("says what its counts lack when %s", async (_what, deployment, caveat) => {
    expect((await makeReport(newApp("shop"), deployment, trafficWith(null), 6_000)).caveat).toMatch(caveat);
  });
});
