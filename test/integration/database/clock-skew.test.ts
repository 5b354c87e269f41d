import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { createRng } from "../../../src/base/rng.ts";
import { contract, expand } from "../../../src/engine/database/runner.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import { APP, planOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const YEAR_MS = 365 * 86_400_000;

let server: TestServer;
beforeAll(async () => {
  server = await startServer(18);
}, 60_000);
afterAll(() => server.stop());

const skewed = (byMs: number): Clock => ({
  now: () => systemClock.now() + byMs,
  sleepUntil: (at, signal) => systemClock.sleepUntil(at - byMs, signal),
});

it.each([
  ["a year behind", -YEAR_MS],
  ["a year ahead", YEAR_MS],
])("a daemon whose clock is %s of the database's changes it all the same", async (_, byMs) => {
  const url = await server.database();
  await query(url, "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i FROM generate_series(1, 2000) i");
  const plan = await planOf(url, 2, { migration: "ALTER TABLE t ALTER COLUMN n TYPE bigint; CREATE INDEX ON t (n);" });
  const lease = await postgresDatabase.lease(url, APP);
  const patience = {
    clock: skewed(byMs),
    rng: createRng(1),
    signal: AbortSignal.timeout(60_000),
    lockTimeoutMs: 100,
    limitMs: 30_000,
  };
  const runner = { lease, patience, note: () => undefined };
  expect((await expand(runner, plan)).state).toBe("expanded");
  expect((await contract(runner, 2)).state).toBe("contracted");
  await lease.close();
  expect(await query(url, "SELECT count(*)::int AS rows, pg_typeof(min(n))::text AS type FROM t")).toEqual([
    { rows: 2000, type: "bigint" },
  ]);
});

it("a copy that a daemon with a wrong clock is working on is not swept away by another one", async () => {
  const request = { url: await server.database(), extensions: [], searchPath: ["public"], timeZone: "UTC" };
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const mine = await postgresShadows.open(request);
  vi.useRealTimers();
  await (await postgresShadows.open(request)).close();
  expect(
    await query(request.url, "SELECT count(*)::int AS copies FROM pg_database WHERE datname LIKE 'hitless_shadow_%'"),
  ).toEqual([{ copies: 1 }]);
  await mine.close();
});
