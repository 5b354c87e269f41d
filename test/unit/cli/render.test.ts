import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import type { AppStatus, DeploymentStatus, Report } from "../../../src/api/daemon.ts";
import type { SessionMoveStatus } from "../../../src/api/sessions.ts";
import { Output } from "../../../src/cli/output.ts";
import { renderFailure } from "../../../src/cli/render/failure.ts";
import { lostLine, renderReport } from "../../../src/cli/render/report.ts";
import { renderSessions } from "../../../src/cli/render/sessions.ts";
import { renderStatus } from "../../../src/cli/render/status.ts";
import { table } from "../../../src/cli/render/table.ts";
import { tlsLines } from "../../../src/cli/render/tls.ts";
import { age, bytes, count, ms, percent, took } from "../../../src/cli/render/units.ts";
import { ZERO_COUNTS, type LedgerCounts } from "../../../src/core/ledger.ts";

const plain = new Output(new PassThrough() as unknown as NodeJS.WriteStream, new PassThrough() as unknown as NodeJS.WriteStream);

const deployment: DeploymentStatus = {
  name: "d2",
  kind: "deploy",
  by: "ada@web1",
  strategy: "rolling",
  awaits: null,
  share: null,
  phase: "done",
  batch: 4,
  batches: 4,
  phaseSince: 0,
  startedAt: 0,
  endedAt: 4_600,
  from: "r1",
  to: "r2",
  outcome: "done",
  failure: null,
  verdicts: [],
  override: null,
};

function reportWith(counts: Partial<LedgerCounts>, more: Partial<Report> = {}): Report {
  const totals = { ...ZERO_COUNTS, ...counts };
  const total = Object.values(totals).reduce((sum, value) => sum + value, 0);
  const window = { p50Ms: 0.8, p99Ms: 13.2, requests: total, windowMs: 4_600 };
  return {
    app: "shop",
    deployment,
    durationMs: 4_600,
    rows: [{ release: "r2", counts: totals, total }],
    totals,
    total,
    lost: totals.cut + totals.failed + totals.unaccounted,
    caveat: null,
    latency: { before: window, during: window, after: { p50Ms: null, p99Ms: null, requests: 0, windowMs: 0 } },
    errorShare: { from: null, to: 0.0021 },
    slowest: [{ at: 1, ms: 42.4, method: "POST", path: "/orders", release: "r2", status: 201 }],
    periods: [],
    capacity: { atStart: 4, lowest: 4 },
    ...more,
  };
}

describe("a report", () => {
  test("shows every column, the sums and nothing lost", () => {
    const text = renderReport(reportWith({ served: 8_112, servedAfterRetry: 3 }), plain).join("\n");
    expect(text).toContain("shop d2  deploy r1 → r2  done in 4.6 s");
    expect(text).toMatch(/served +8,112 +8,112/);
    expect(text).toMatch(/served after retry +3 +3/);
    expect(text).toMatch(/requests +8,115 +8,115/);
    expect(text).toContain("✔ 8,115 requests, none lost");
    expect(text).toContain("5xx share        r1 –, r2 0.21 %");
    expect(text).toContain("4 in rotation at the start, never fewer than 4");
    expect(text).toContain("slowest          42 ms  POST /orders  201 by r2");
    expect(text).toMatch(/after +– +0 +– +–/);
  });

  test("says how requests were lost, and its caveat", () => {
    const report = reportWith({ served: 10, cut: 2, unaccounted: 256 }, { caveat: "A worker of the proxy was killed." });
    expect(lostLine(report, plain)).toBe("✖ 268 requests, 258 lost: 2 cut at the drain limit, 256 unaccounted");
    expect(renderReport(report, plain)).toContain("A worker of the proxy was killed.");
  });
});

describe("the certificates in a status", () => {
  const listen = { host: "0.0.0.0", port: 443 };
  const file = { names: ["shop.test", "a.test", "b.test", "c.test"], source: "file", from: "/etc/a.crt", problem: null } as const;

  test("say their names, until when, and what is wrong", () => {
    const expiresAt = Date.parse("2030-03-01T12:00:00Z");
    const asked = { names: [], source: "acme", from: "new.test", expiresAt: null, problem: "the authority is away" } as const;
    const lines = tlsLines({ listen, certificates: [{ ...file, expiresAt }, asked] }, plain, expiresAt - 36 * 3_600_000);
    expect(lines).toEqual([
      "TLS 0.0.0.0:443  shop.test, a.test, b.test and 1 more  until 2030-03-01 (1 day)",
      "TLS 0.0.0.0:443  new.test  no certificate yet (ACME)  the authority is away",
    ]);
  });
});

describe("a status", () => {
  const status: AppStatus = {
    pause: null,
    maintenance: null,
    standby: null,
    queued: null,
    returned: null,
    preview: null,
    app: "shop",
    active: "r2",
    suspended: false,
    url: "http://127.0.0.1:8080",
    tls: null,
    instances: [
      {
        name: "web.r2.5",
        type: "web",
        release: "r2",
        status: "serving",
        pid: 100,
        port: 4000,
        since: 0,
        inFlight: 2,
        requests: 1_234,
        health: "down",
        lastFailure: "status 500",
      },
    ],
    deployment: { ...deployment, phase: "warming", outcome: null, endedAt: null, batch: 2 },
    fault: null,
    crashLoops: [{ type: "worker", count: 4, how: "exited with code 1" }],
    warnings: ["the route tables cannot be saved"],
    traffic: { inFlight: 2, held: 1, total: 5_000, lost: 0, byRelease: [] },
  };

  test("says what is queued, behind what, and how to take it back", () => {
    const queued = { release: "r3", by: "bob@web1", since: 0, behind: "d2", frozen: null };
    const text = renderStatus({ ...status, queued }, plain, 61_000).join("\n");
    expect(text).toMatch(/r3 of bob@web1 is queued since \S+ behind d2; `hitless abort --queued` takes it back/);
    const frozen = { window: "weekend", until: 121_000 };
    const waiting = renderStatus({ ...status, queued: { ...queued, behind: null, frozen } }, plain, 61_000).join("\n");
    expect(waiting).toMatch(/deployments are frozen by "weekend", until \S+ \(1 m 0 s\)/);
  });

  const move: SessionMoveStatus = {
    ...{ id: "m", by: "ada", from: "the state server of Hitless", to: "redis://cache:6379", phase: "switching", startedAt: 0 },
    ...{ since: 0, isOver: false, waits: null, trouble: "the new store is gone", progress: null, verified: 7, failure: null },
  };

  test("says how far a move of sessions is, and what is wrong with it", () => {
    const text = renderStatus({ ...status, sessionMove: move }, plain, 61_000).join("\n");
    expect(text).toContain("sessions move  switching: instances are replaced by such as read the new store");
    expect(text).toContain("the new store is gone");
  });

  test("of sessions says whose the address for ASP.NET is when they are in another store", () => {
    const figures = { count: 1, ratePerSecond: null, memoryBytes: null, oldestMs: null, aged: 0, looked: 0, byRelease: [] };
    const found = { app: "shop", store: "redis://cache:6379", ours: false, aspNet: "10.0.0.5:42424", ...figures };
    const text = renderSessions(found).join("\n");
    expect(text).toContain("10.0.0.5:42424 (the state server of Hitless goes on for it; these sessions did not move)");
    expect(renderSessions({ ...found, ours: true }).join("\n")).toMatch(/10\.0\.0\.5:42424$/m);
    const left = renderSessions({ ...found, aspNet: undefined, serverEndedAt: 0 }).join("\n");
    expect(left).toContain("state server  ended 1970-01-01T00:00:00.000Z, as nobody needed it any more; its files are kept");
  });

  test("of sessions says for how long the oldest was not used as far as that is known", () => {
    const figures = { count: 3, ratePerSecond: null, memoryBytes: null, looked: 3, byRelease: [] };
    const shown = (oldestMs: number | null, aged: number) =>
      renderSessions({ app: "shop", store: "redis://cache:6379", ours: false, ...figures, oldestMs, aged }).join("\n");
    expect(shown(61_000, 3)).toMatch(/oldest +not used for 1 m 1 s/);
    expect(shown(61_000, 1)).toMatch(/oldest +not used for at least 1 m 1 s/);
    expect(shown(null, 0)).not.toContain("oldest");
  });

  test("shows what runs, what is wrong and what is going on", () => {
    const text = renderStatus(status, plain, 61_000).join("\n");
    expect(text).toContain("shop  r2  http://127.0.0.1:8080");
    expect(text).toContain("d2 deploy r1 → r2  warming, batch 2 of 4, for 1 m 1 s, by ada@web1");
    expect(text).toContain("crash loop  worker has ended 4 times in a row");
    expect(text).toContain("warning  the route tables cannot be saved");
    expect(text).toContain("5,000 requests, 0 lost, 2 in flight, 1 waiting");
    expect(text).toMatch(/web\.r2\.5 +r2 +down: status 500 +100 +4000 +1,234 +2 +1 m 1 s/);
  });

  test("of an app that the daemon has stopped acting for says why, and what to do", () => {
    const fault = {
      code: "ERR_INVARIANT",
      what: "The daemon has stopped acting for shop.",
      why: "Boom.",
      next: "Start it anew.",
    } as const;
    const text = renderStatus({ ...status, fault }, plain, 61_000).join("\n");
    expect(text).toContain("fault  The daemon has stopped acting for shop. Boom. Start it anew.");
  });

  test("of an app that was stopped says so", () => {
    const text = renderStatus(
      { ...status, suspended: true, traffic: null, instances: [], crashLoops: [], url: null },
      plain,
      0,
    ).join("\n");
    expect(text).toContain("shop  stopped");
    expect(text).toContain("no traffic");
  });
});

test("a failure says what, why, every detail and what to do next", () => {
  const lines = renderFailure(
    {
      code: "ERR_BUILD_FAILED",
      what: "The build failed.",
      why: "It exited.",
      details: ["line 1", "line 2"],
      next: "Correct it.",
    },
    plain,
  );
  expect(lines).toEqual([
    "✖ The build failed. [ERR_BUILD_FAILED]",
    "  It exited.",
    "  │ line 1",
    "  │ line 2",
    "  → Correct it.",
  ]);
});

test("a table is as wide as its widest cells, colours left out of account", () => {
  expect(
    table(
      [{ title: "A" }, { title: "N", right: true }],
      [
        ["\u001b[32mlong\u001b[39m", "1"],
        ["b", "1,000"],
      ],
    ),
  ).toEqual(["A         N", "\u001b[32mlong\u001b[39m      1", "b     1,000"]);
});

test.each([
  [age(59_400), "59 s"],
  [age(3_599_000), "59 m 59 s"],
  [age(90_000_000), "1 d 1 h"],
  [took(842), "842 ms"],
  [took(4_640), "4.6 s"],
  [took(63_000), "1 m 3 s"],
  [count(1_234_567), "1,234,567"],
  [ms(null), "–"],
  [ms(0.84), "0.8 ms"],
  [ms(13.2), "13 ms"],
  [percent(null), "–"],
  [percent(0), "0.0 %"],
  [percent(0.0021), "0.21 %"],
  [percent(0.5), "50.0 %"],
  [bytes(512), "512 B"],
  [bytes(1_536), "1.5 KiB"],
  [bytes(3_145_728), "3.0 MiB"],
])("%s is written as %s", (written, expected) => {
  expect(written).toBe(expected);
});
