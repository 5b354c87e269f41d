import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import type { StepParts } from "../../../src/app/steps.ts";
import type { StepOperation } from "../../../src/core/preparation/operations.ts";
import { Wire } from "../../support/postgres/cuttable.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { StepBench, stepIs } from "../../support/step-bench.ts";
import { until } from "../../support/temp.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(18);
}, 60_000);
afterAll(() => server.stop());

/** Whoever calls `pass` waits until something is in the table `gate`. */
const GATE = `CREATE TABLE gate (open int); CREATE TABLE log (n int); CREATE FUNCTION pass() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN 1; END $$;`;
const LOGGED = "INSERT INTO log VALUES (1); SELECT pass();";
const AT_GATE = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";

async function bench(file: string, sql: string, setup = GATE): Promise<StepBench> {
  const url = await server.database();
  await query(url, setup);
  const one = new StepBench(url);
  one.write(file, sql);
  return one;
}

function tell({ desk }: StepParts, operation: StepOperation): Promise<string> {
  return desk.tell("shop", "0001-a", { operation, by: "ada", percent: null });
}

function atGate(url: string): Promise<boolean> {
  return until(async () => (await query(url, AT_GATE)).length > 0, { within: 25_000, what: "it is at the gate" });
}

/** Somebody who has written into the table and not committed yet: whoever builds an index beside waits for that. */
async function writing(url: string): Promise<pg.Client> {
  const writer = new pg.Client({ connectionString: url });
  await writer.connect();
  onTestFinished(() => writer.end());
  await writer.query("BEGIN; INSERT INTO items VALUES (0)");
  return writer;
}

test("SQL that is paused is ended at the server and taken back; resumed, it is begun anew and done once", async () => {
  const one = await bench("0001-a.sql", LOGGED);
  const parts = await one.daemon();
  await one.prepare(parts);
  await atGate(one.url);
  await tell(parts, "pause");
  expect(await query(one.url, AT_GATE)).toEqual([]);
  expect(await stepIs(parts, "0001-a", "paused")).toMatchObject({ reason: "paused by ada", cuts: 1 });
  await query(one.url, "INSERT INTO gate VALUES (1)");
  expect(await query(one.url, "SELECT * FROM log")).toEqual([]);
  await tell(parts, "resume");
  await stepIs(parts, "0001-a", "done");
  expect(await query(one.url, "SELECT * FROM log")).toEqual([{ n: 1 }]);
});

test("whoever lets a step go on that has to wait for another hears that at once", async () => {
  const one = await bench("0001-a.sql", LOGGED);
  one.write("0002-b.sql", "SELECT 1;");
  const parts = await one.daemon();
  await one.prepare(parts);
  await atGate(one.url);
  const order = { by: "ada", percent: null } as const;
  await parts.desk.tell("shop", "0002-b", { ...order, operation: "pause" });
  expect(await parts.desk.tell("shop", "0002-b", { ...order, operation: "resume" })).toBe(
    "0002-b goes on where it was. Not yet: 0001-a runs, and one runs at a time.",
  );
  await query(one.url, "INSERT INTO gate VALUES (1)");
  await stepIs(parts, "0002-b", "done");
});

test("its budget ends it too, and cancelled it has changed nothing", async () => {
  const one = await bench("0001-a.sql", `-- hitless: maxTime = 1s\n${LOGGED}`);
  const parts = await one.daemon();
  await one.prepare(parts);
  const { reason, cuts } = await stepIs(parts, "0001-a", "incomplete");
  expect(reason).toContain("its budget (maxTime) is used up");
  expect(cuts).toBe(1);
  expect(await query(one.url, AT_GATE)).toEqual([]);
  expect(await tell(parts, "cancel")).toBe("0001-a is cancelled; it had changed nothing.");
  expect(await query(one.url, "SELECT * FROM log")).toEqual([]);
});

test("CREATE INDEX CONCURRENTLY that is paused leaves an invalid index, which the next attempt clears and builds", async () => {
  const setup = "CREATE TABLE items (n int); INSERT INTO items SELECT generate_series(1, 100);";
  const one = await bench(
    "0001-a.sql",
    "-- hitless: transaction = false\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON items (n);",
    setup,
  );
  const valid = "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('i')";
  const writer = await writing(one.url);
  const parts = await one.daemon();
  await one.prepare(parts);
  await until(async () => (await query(one.url, valid)).length > 0, { within: 25_000, what: "the index is begun" });
  await tell(parts, "pause");
  await stepIs(parts, "0001-a", "paused");
  expect(await query(one.url, valid)).toEqual([{ valid: false }]);
  await writer.query("COMMIT");
  await tell(parts, "resume");
  await stepIs(parts, "0001-a", "done");
  expect(await query(one.url, valid)).toEqual([{ valid: true }]);
});

test.each([
  {
    what: "CREATE INDEX CONCURRENTLY without a name",
    sql: "CREATE UNIQUE INDEX CONCURRENTLY ON items (n, lower(items.t) DESC) INCLUDE (id) WHERE t <> 'it''s'",
    left: ["items_n_lower_id_idx"],
    after: ["items_n_lower_id_idx", "items_pkey", "items_t_idx"],
  },
  {
    what: "REINDEX TABLE CONCURRENTLY",
    sql: "REINDEX TABLE CONCURRENTLY items",
    left: ["items_pkey_ccnew", "items_t_idx_ccnew"],
    after: ["items_pkey", "items_t_idx"],
  },
  {
    what: "REINDEX INDEX CONCURRENTLY",
    sql: "REINDEX (VERBOSE, CONCURRENTLY) INDEX items_t_idx",
    left: ["items_t_idx_ccnew"],
    after: ["items_pkey", "items_t_idx"],
  },
])(
  "what $what leaves when it is paused is found and cleared by the next attempt, and nothing else",
  async ({ sql, left, after }) => {
    const setup =
      "CREATE TABLE items (id int PRIMARY KEY, n int, t text); CREATE INDEX ON items (t); INSERT INTO items SELECT i, i, i FROM generate_series(1, 100) i;";
    const one = await bench("0001-a.sql", `-- hitless: transaction = false\n${sql};`, setup);
    const names = (valid: boolean): Promise<readonly Record<string, unknown>[]> =>
      query(
        one.url,
        `SELECT c.relname AS name FROM pg_index JOIN pg_class c ON c.oid = indexrelid
       WHERE indisvalid = ${String(valid)} AND c.relname LIKE 'items%' ORDER BY 1`,
      );
    const writer = await writing(one.url);
    const parts = await one.daemon();
    await one.prepare(parts);
    await until(async () => (await names(false)).length > 0, { within: 25_000, what: "an index is begun" });
    await tell(parts, "pause");
    await stepIs(parts, "0001-a", "paused");
    expect((await names(false)).map(({ name }) => name)).toEqual(left);
    await writer.query("COMMIT");
    await tell(parts, "resume");
    await stepIs(parts, "0001-a", "done");
    expect(await names(false)).toEqual([]);
    expect((await names(true)).map(({ name }) => name)).toEqual(after);
  },
);

/** The partitions of `items` that are there, and those whose DETACH was begun. */
function partitions(url: string): Promise<readonly Record<string, unknown>[]> {
  return query(url, "SELECT inhrelid::regclass::text AS name, inhdetachpending AS pending FROM pg_inherits ORDER BY 1");
}

const PARTITIONS = `CREATE SCHEMA old; CREATE TABLE items (n int, t text) PARTITION BY RANGE (n); CREATE TABLE other (n int);
  CREATE TABLE items_1 PARTITION OF items FOR VALUES FROM (0) TO (10); CREATE TABLE old.items_2 PARTITION OF items FOR VALUES FROM (10) TO (20);`;

test("DETACH PARTITION CONCURRENTLY that is paused leaves the partition pending; the next attempt ends that and is done", async () => {
  const detach = "ALTER TABLE items\n  DETACH PARTITION old.items_2 CONCURRENTLY;";
  const one = await bench("0001-a.sql", `-- hitless: transaction = false\n${detach}`, PARTITIONS);
  const writer = await writing(one.url);
  const parts = await one.daemon();
  await one.prepare(parts);
  const isPending = async (): Promise<boolean> => (await partitions(one.url)).some(({ pending }) => pending === true);
  await until(isPending, { within: 25_000, what: "it is begun" });
  await tell(parts, "pause");
  await stepIs(parts, "0001-a", "paused");
  expect(await isPending()).toBe(true);
  await writer.query("COMMIT");
  await tell(parts, "resume");
  await stepIs(parts, "0001-a", "done");
  expect(await partitions(one.url)).toEqual([{ name: "items_1", pending: false }]);
});

test("a partition that was detached when its daemon was killed is done; what never was one is refused with its place", async () => {
  const one = await bench(
    "0001-a.sql",
    "-- hitless: transaction = false\nALTER TABLE items DETACH PARTITION items_1 CONCURRENTLY;",
    PARTITIONS,
  );
  one.write("0002-b.sql", "-- hitless: transaction = false\n-- ö😀\nALTER TABLE items DETACH PARTITION other CONCURRENTLY;");
  one.write("0003-c.sql", "-- hitless: transaction = false\n-- ö😀\nCREATE INDEX CONCURRENTLY ON items_1 (n) WHERE\n  m > 1;");
  await query(one.url, "ALTER TABLE items DETACH PARTITION items_1");
  const parts = await one.daemon();
  await one.prepare(parts);
  await stepIs(parts, "0001-a", "done");
  const { failure } = await stepIs(parts, "0002-b", "failed");
  expect(failure?.why).toContain('"other" is not a partition of relation "items"');
  const { failure: placed } = await stepIs(parts, "0003-c", "failed");
  expect(placed).toMatchObject({ what: "PostgreSQL refused deploy/steps/0003-c.sql:4:3." });
});

test("an index without a name that was built when its daemon was killed, before that was written down, is not built again", async () => {
  const one = await bench(
    "0001-a.sql",
    "-- hitless: transaction = false\nCREATE INDEX CONCURRENTLY ON items (n, m);",
    "CREATE TABLE items (n int, m int)",
  );
  await query(one.url, "CREATE INDEX other ON items (n); CREATE INDEX ON items (n, m)");
  const parts = await one.daemon();
  await one.prepare(parts);
  await stepIs(parts, "0001-a", "done");
  expect(await query(one.url, "SELECT relname FROM pg_class WHERE relkind = 'i' AND relname LIKE 'items%'")).toEqual([
    { relname: "items_n_m_idx" },
  ]);
});

test("a daemon that ends leaves SQL to the server at once; the next one finds it done, and does not do it again", async () => {
  const one = await bench("0001-a.sql", LOGGED);
  const first = await one.daemon();
  await one.prepare(first);
  await atGate(one.url);
  await first.stop();
  expect(await query(one.url, AT_GATE)).toHaveLength(1);
  await query(one.url, "INSERT INTO gate VALUES (1)");
  await until(async () => (await query(one.url, "SELECT FROM log")).length > 0, { within: 25_000, what: "it is done" });
  const second = await one.daemon();
  const { attempt } = await stepIs(second, "0001-a", "done");
  expect(attempt).toBeLessThanOrEqual(2);
  expect(await query(one.url, "SELECT * FROM log")).toEqual([{ n: 1 }]);
});

test("what is not idempotent cannot be paused, and is begun again only when somebody says so", async () => {
  const procedure = `${GATE} CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (1); COMMIT; PERFORM pass(); END $$`;
  const one = await bench(
    "0001-a.sql",
    "-- hitless: transaction = false\n-- hitless: idempotent = false\nCALL work();",
    procedure,
  );
  const first = await one.daemon();
  await one.prepare(first);
  await atGate(one.url);
  await expect(tell(first, "pause")).rejects.toMatchObject({ code: "ERR_NOT_NOW" });
  await first.stop();
  const parts = await one.daemon();
  expect((await stepIs(parts, "0001-a", "incomplete")).failure).toMatchObject({ code: "ERR_STEP_BROKEN_OFF" });
  await query(one.url, "INSERT INTO gate VALUES (1)");
  await tell(parts, "retry");
  await stepIs(parts, "0001-a", "done");
  expect(await query(one.url, "SELECT count(*)::int AS n FROM log")).toEqual([{ n: 2 }]);
});

test("the server ends a statement by itself when its time is over; an administrator who ends it is another matter", async () => {
  const url = await server.database();
  await query(url, GATE);
  const lease = await postgresDatabase.lease(url, "shop");
  onTestFinished(() => lease.close());
  const request = { release: 0, action: "a", sql: [LOGGED], mark: "done", lockTimeoutMs: 100 } as const;
  const { signal } = new AbortController();
  expect(await lease.step({ ...request, cutOff: { signal, limitMs: 100 } })).toEqual({ kind: "cut" });
  expect(await lease.alone({ ...request, sql: ["SELECT pass()"], cutOff: { signal, limitMs: 100 } })).toEqual({ kind: "cut" });
  const ended = lease.step({ ...request, cutOff: { signal, limitMs: null } });
  await atGate(url);
  await query(
    url,
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
  );
  expect(await ended).toMatchObject({ kind: "refused", code: "57014" });
  expect(await lease.step({ ...request, cutOff: { signal: AbortSignal.abort(), limitMs: null } })).toEqual({ kind: "cut" });
  expect(await query(url, "SELECT * FROM log")).toEqual([]);
});

test("a wait whose query does not come back can be cancelled all the same, and is ended at the server", async () => {
  const one = await bench("0001-a.yaml", 'wait: { query: "SELECT pass() = 1" }');
  const parts = await one.daemon();
  await one.prepare(parts);
  await atGate(one.url);
  expect(await tell(parts, "cancel")).toBe("0001-a is cancelled; it had changed nothing.");
  expect(await query(one.url, AT_GATE)).toEqual([]);
});

test("a daemon that ends does not leave the query of a wait behind either", async () => {
  const one = await bench("0001-a.yaml", 'wait: { query: "SELECT pass() = 1" }');
  const parts = await one.daemon();
  await one.prepare(parts);
  await atGate(one.url);
  await parts.stop();
  expect(await query(one.url, AT_GATE)).toEqual([]);
});

test("the query of a wait ends at the server when nobody is there any more for its answer, as after kill -9", async () => {
  const url = await server.database();
  await query(url, GATE);
  const wire = await Wire.to(url);
  onTestFinished(() => wire.close());
  const lease = await postgresDatabase.lease(wire.url, "shop");
  const asked = lease.ask("SELECT pass() = 1", new AbortController().signal).catch(() => null);
  await atGate(url);
  // Between two looks of its own it does not sleep for a moment, so that it is known by its query.
  const asking = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pass() = 1' AND datname = current_database()";
  expect(await query(url, asking)).toHaveLength(1);
  wire.cut();
  expect(await asked).toBeNull();
  await until(async () => (await query(url, asking)).length === 0, { within: 10_000, what: "it is ended" });
});

test("several that come to a new database at the same time all find their journal made", async () => {
  const url = await server.database();
  const apps = ["a", "b", "c", "d", "e", "f"];
  const leases = await Promise.all(apps.map((app) => postgresDatabase.lease(url, app)));
  await Promise.all(leases.map((lease) => lease.close()));
  expect(await query(url, "SELECT app FROM hitless.runners ORDER BY app")).toEqual(apps.map((app) => ({ app })));
});
