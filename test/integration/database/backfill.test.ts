import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { nodeHttp } from "../../../src/adapters/http/node-http.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { expectedRate } from "../../../src/database/backfill/measured-rate.ts";
import { BLIND } from "../../../src/database/backfill/pace-law.ts";
import type { BackfillProgress } from "../../../src/database/backfill/progress.ts";
import { LoadPacer } from "../../../src/engine/database/load-pacer.ts";
import { loadSignals } from "../../../src/engine/database/load-signals.ts";
import { backfillIn, counting, doubling } from "../../support/postgres/backfill.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { until } from "../../support/temp.ts";

const WRONG = "SELECT count(*)::int AS wrong FROM t WHERE m IS DISTINCT FROM n * 2";

describe("a backfill", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const prepared = async (sql: string): Promise<string> => {
    const url = await server.database();
    await query(url, `${sql}; ANALYZE`);
    return url;
  };

  it.each([
    ["a number", "id int PRIMARY KEY, n int, m int", "SELECT i, i FROM generate_series(1, 30000) i", ["id"]],
    ["text", "id text PRIMARY KEY, n int, m int", "SELECT 'k''\\' || md5(i::text), i FROM generate_series(1, 30000) i", ["id"]],
    [
      "several columns",
      "a text, b int, n int, m int, PRIMARY KEY (a, b)",
      "SELECT 'a' || i % 7, i, i FROM generate_series(1, 30000) i",
      ["a", "b"],
    ],
    ["none", "id int, n int, m int", "SELECT i, i FROM generate_series(1, 30000) i", []],
  ])("walks along a key of %s, compares all rows, and keeps what it was", async (_, columns, rows, key) => {
    const names = columns.startsWith("a ") ? "a, b, n" : "id, n";
    const url = await prepared(`CREATE TABLE t (${columns}); INSERT INTO t (${names}) ${rows}`);
    const seen: BackfillProgress[] = [];
    const record = await backfillIn(url, doubling(key), { onProgress: (progress) => seen.push(progress) });
    expect(record).toMatchObject({ rows: 30_000, failed: [], comparison: { rows: 30_000, left: 0, different: 0 } });
    expect(record.estimate.rows).toBeGreaterThan(29_000);
    expect(seen.at(-1)).toMatchObject({ rows: 30_000, slow: "all rows are compared" });
    expect(seen.map(({ rows: done }) => done)).toEqual(seen.map(({ rows: done }) => done).toSorted((a, b) => a - b));
    expect(await query(url, WRONG)).toEqual([{ wrong: 0 }]);
    const [kept] = await query<{ state: string; record: unknown; left: number }>(
      url,
      "SELECT state, record, (SELECT count(*)::int FROM hitless.stretches) AS left FROM hitless.actions",
    );
    expect(kept).toEqual({ state: "done", record, left: 0 });
  });

  it("knows the time it will take from the last one, and skips what is right already", async () => {
    const url = await prepared(
      "CREATE TABLE t (id int PRIMARY KEY, n int, m int); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i",
    );
    const first = await backfillIn(url, doubling(["id"]));
    expect(first.estimate.ms).toBeNull();
    const { tables } = await postgresDatabase.catalog(url);
    const kept = await postgresDatabase.backfills(url);
    expect(kept).toEqual([first]);
    for (const table of tables) expect(expectedRate(table, kept, tables).basis).toBe("as measured on 1 earlier backfill of it");
    expect(tables).toHaveLength(1);
    await query(url, "UPDATE t SET m = NULL WHERE id % 10 = 0; UPDATE t SET n = n");
    const notes: string[] = [];
    const second = await backfillIn(url, doubling(["id"]), { notes });
    expect(second.rows).toBe(2_000);
    expect(second.estimate.ms).toBeGreaterThan(0);
    expect(notes[0]).toMatch(/^fill: about [\d,]+ rows in \d+ MiB, about [\d.]+ s at the rate of the last one$/);
  });

  it("walks along each partition, several at the same time", async () => {
    const url = await prepared(`
      CREATE TABLE t (id int, at date, n int, m int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
      CREATE TABLE t_2 (n int, at date NOT NULL, m int, id int NOT NULL);
      ALTER TABLE t ATTACH PARTITION t_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
      CREATE TABLE t_3 PARTITION OF t DEFAULT PARTITION BY HASH (id);
      CREATE TABLE t_3a PARTITION OF t_3 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE t_3b PARTITION OF t_3 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      INSERT INTO t (id, at, n) SELECT i, '2025-01-01'::date + i % 90, i FROM generate_series(1, 40000) i`);
    const record = await backfillIn(url, doubling(["id", "at"], { set: "m = t.n * 2" }));
    expect(record).toMatchObject({ rows: 40_000, comparison: { rows: 40_000, left: 0, different: 0 } });
    expect(await query(url, WRONG)).toEqual([{ wrong: 0 }]);
    const moving = {
      ...doubling(["id", "at"]),
      set: "at = at + 100",
      where: "at < '2025-04-10'",
      columns: ["at"],
      differs: undefined,
    };
    expect(await backfillIn(url, moving)).toMatchObject({ rows: 40_000, comparison: { rows: 40_000, left: 0 } });
    await expect(backfillIn(url, { ...moving, once: true })).rejects.toMatchObject({ code: "ERR_DATABASE_REFUSED" });
  });

  it.each([1, 3])("cuts a large table for several workers (%i), and nothing is done twice", async (workers) => {
    const url = await prepared(
      "CREATE TABLE t (id text PRIMARY KEY, n int, m int); INSERT INTO t SELECT md5(i::text), 0, 0 FROM generate_series(1, 60000) i",
    );
    const record = await backfillIn(url, counting(["id"]), { workers, batchMs: 20 });
    expect(record.rows).toBe(60_000);
    expect(await query(url, "SELECT count(*)::int AS rows, min(n), max(n) FROM t")).toEqual([{ rows: 60_000, min: 1, max: 1 }]);
  });

  it("finds the rows that fail, does all others, and tries only those again", async () => {
    const url = await prepared(
      `CREATE TABLE t (id int PRIMARY KEY, old text, n int, m int); INSERT INTO t SELECT i, CASE WHEN i IN (7001, 15000) THEN 'x' || i ELSE i::text END, i FROM generate_series(1, 20000) i`,
    );
    const casting = doubling(["id"], {
      set: "m = old::int * 2",
      where: "m IS NULL AND old::int IS NOT NULL",
      differs: "m IS DISTINCT FROM old::int * 2",
    });
    const record = await backfillIn(url, casting);
    expect(record.failed.map(({ key }) => key)).toEqual([["7001"], ["15000"]]);
    expect(record.failed[0]?.message).toContain('invalid input syntax for type integer: "x7001"');
    expect(record).toMatchObject({ rows: 19_998, comparison: { rows: 20_000, left: 0, different: 0 } });
    expect(await query(url, "SELECT id FROM t WHERE m IS DISTINCT FROM n * 2 ORDER BY id")).toEqual([
      { id: 7001 },
      { id: 15_000 },
    ]);
    await query(url, "UPDATE t SET old = '7001' WHERE id = 7001");
    expect((await backfillIn(url, casting)).failed.map(({ key }) => key)).toEqual([["15000"]]);
    await query(url, "DELETE FROM t WHERE id = 15000");
    expect(await backfillIn(url, casting)).toMatchObject({ rows: 19_999, failed: [] });
    expect(await query(url, WRONG)).toEqual([{ wrong: 0 }]);
  });

  it.each([
    ["its key", { key: ["id"] }],
    ["its pages", { key: ["id"], lazy: true }],
  ])("leaves rows in their pages where a table has more indexes, along %s, and finds those that fail", async (_, way) => {
    const url = await prepared(
      `CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, m int CHECK (m <> 30000), note text);
       INSERT INTO t SELECT i, i, NULL, repeat('x', 100) FROM generate_series(1, 20000) i`,
    );
    const record = await backfillIn(url, doubling([], way), { workers: 1, batchMs: 20 });
    expect(record).toMatchObject({ rows: 19_999, failed: [{ message: expect.stringContaining("t_m_check") as string }] });
    expect(await query(url, "SELECT id FROM t WHERE m IS DISTINCT FROM n * 2")).toEqual([{ id: 15_000 }]);
    // Statistics of a session that has ended come a moment later.
    const HOT = "SELECT n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 't'";
    await until(async () => ((await query<{ hot: number }>(url, HOT))[0]?.hot ?? 0) > 5_000, {
      what: "rows stayed in their pages",
    });
  });

  it("finds failing rows without a key, too", async () => {
    const url = await prepared(
      "CREATE TABLE t (n int, m int CHECK (m <> 6000)); INSERT INTO t SELECT i FROM generate_series(1, 20000) i",
    );
    const record = await backfillIn(url, doubling([]));
    expect(record).toMatchObject({ rows: 19_999, comparison: null });
    expect(record.failed).toEqual([
      { key: [expect.stringMatching(/^\(\d+,\d+\)$/)], message: expect.stringContaining("t_m_check") as string },
    ]);
  });

  it("leaves the application's triggers out where it may, and says beforehand where it may not", async () => {
    const url = await prepared(`
      CREATE TABLE t (id int PRIMARY KEY, n int, m int, updated_at timestamptz);
      CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
      CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
      CREATE TRIGGER other BEFORE UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION touch();
      INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i`);
    const notes: string[] = [];
    await backfillIn(url, doubling(["id"]), { notes });
    expect(notes).toContain("fill: triggers that do not fire for it: touch");
    expect(await query(url, "SELECT count(updated_at)::int AS touched FROM t")).toEqual([{ touched: 0 }]);
    const name = new URL(url).pathname.slice(1);
    await query(
      url,
      `CREATE ROLE own_${name} LOGIN; GRANT CREATE ON DATABASE ${name} TO own_${name}; ALTER TABLE t OWNER TO own_${name}; UPDATE t SET m = NULL, updated_at = NULL; DROP SCHEMA hitless CASCADE; UPDATE t SET m = NULL, updated_at = NULL`,
    );
    const told: string[] = [];
    await backfillIn(url.replace("postgres@", `own_${name}@`), doubling(["id"]), { notes: told });
    expect(told).toContain("fill: triggers that fire for each row (a column like updated_at may change): touch");
  });

  it("is refused before its first batch where its expression or its privileges are wrong", async () => {
    const url = await prepared("CREATE TABLE t (id int PRIMARY KEY, n int, m int); INSERT INTO t VALUES (1, 1)");
    await expect(backfillIn(url, doubling(["id"], { set: "m = n || 'x'" }))).rejects.toMatchObject({
      code: "ERR_DATABASE_FAILED",
    });
    await expect(backfillIn(url, doubling(["id"], { table: "public.gone" }))).rejects.toThrow(
      /relation "public.gone" does not exist/,
    );
    const name = new URL(url).pathname.slice(1);
    await query(
      url,
      `CREATE ROLE r_${name} LOGIN; GRANT CREATE ON DATABASE ${name} TO r_${name}; GRANT SELECT ON t TO r_${name}`,
    );
    await query(url, "DROP SCHEMA hitless CASCADE");
    const plain = url.replace("postgres@", `r_${name}@`);
    await expect(backfillIn(plain, doubling(["id"]))).rejects.toMatchObject({ code: "ERR_DATABASE_PRIVILEGE" });
    expect(await query(url, "SELECT count(*)::int AS begun FROM hitless.actions")).toEqual([{ begun: 0 }]);
  });

  it("ends with a reason when its table is dropped meanwhile", async () => {
    const url = await prepared(
      "CREATE TABLE t (id int PRIMARY KEY, n int, m int); INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i",
    );
    const dropping: Promise<unknown>[] = [];
    const cut = backfillIn(url, doubling(["id"]), {
      workers: 1,
      batchMs: 1,
      onProgress: () => {
        if (dropping.length === 0) dropping.push(query(url, "DROP TABLE t"));
      },
      throttlePercent: () => (dropping.length === 0 ? 100 : 50),
    });
    await expect(cut).rejects.toThrow(/relation "public.t" does not exist/);
    await Promise.all(dropping);
  });

  it("stops where it is told to, goes on there, and is as slow as the operator says", async () => {
    const url = await prepared(
      "CREATE TABLE t (id int PRIMARY KEY, n int, m int); INSERT INTO t SELECT i, 0, 0 FROM generate_series(1, 20000) i",
    );
    const controller = new AbortController();
    const cut = backfillIn(url, counting(["id"]), {
      signal: controller.signal,
      batchMs: 2,
      onProgress: ({ rows }) => {
        if (rows >= 5_000) controller.abort(new Error("enough"));
      },
    });
    await expect(cut).rejects.toThrow("enough");
    const [at] = await query<{ rows: number }>(url, "SELECT sum(n)::int AS rows FROM t");
    expect(at?.rows).toBeGreaterThanOrEqual(5_000);
    expect(at?.rows).toBeLessThan(20_000);
    const slow: (string | null)[] = [];
    let percent = 0;
    const record = await backfillIn(url, counting(["id"]), {
      throttlePercent: () => percent,
      onProgress: (progress) => {
        slow.push(progress.slow);
        percent = 50;
      },
    });
    expect(record.rows).toBe(20_000);
    expect(slow.slice(0, 1)).toEqual(["paused by the operator"]);
    expect(slow).toContain("slowed down to 50 % by the operator");
    expect(await query(url, "SELECT min(n), max(n) FROM t")).toEqual([{ min: 1, max: 1 }]);
  });

  it("pauses while the user's query says so, is slow while a signal says nothing, and names the reason", async () => {
    const url = await prepared(
      "CREATE TABLE t (id int PRIMARY KEY, n int, m int); INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i; CREATE TABLE stops (why text); INSERT INTO stops VALUES ('night')",
    );
    const lease = await postgresDatabase.lease(url, "signals");
    onTestFinished(() => lease.close());
    const listening = (query_: string) => (table: string) =>
      new LoadPacer(
        systemClock,
        loadSignals({
          ...{ app: "shop", clock: systemClock, http: nodeHttp, lease, table },
          traffic: { ledger: () => Promise.resolve(null) },
          felt: new Map(),
          spec: { rise: 0.1, query: query_, url: null },
        }),
      );
    const reasons = new Set<string | null>();
    const stop = "SELECT count(*) FROM stops";
    await backfillIn(url, doubling(["id"]), {
      pacer: listening(stop),
      onProgress: ({ slow, rows }) => {
        reasons.add(slow);
        if (slow === "backfill.query says 1" && rows === 0) void query(url, "DELETE FROM stops");
      },
    });
    expect(reasons).toContain("backfill.query says 1");
    expect(await query(url, WRONG)).toEqual([{ wrong: 0 }]);
    const blind = await listening("SELECT 'nothing'")("public.t").pace(new AbortController().signal);
    expect(blind).toMatchObject({ speed: BLIND, reason: "backfill.query cannot be read: it gives no number" });
  });

  it("gives way to whoever waits for a lock that it holds", async () => {
    const url = await prepared("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)");
    const lease = await postgresDatabase.lease(url, "signals");
    const [holder, waiter] = await Promise.all(
      ["hitless", "app"].map(async (name) => {
        const client = new pg.Client({ connectionString: url, application_name: name });
        await client.connect();
        return client;
      }),
    );
    await holder!.query("BEGIN; UPDATE t SET n = 2");
    const waiting = waiter!.query("UPDATE t SET n = 3");
    const yields = async (): Promise<string | undefined> =>
      (await lease.load("public.t")).find((reading) => reading.yields === true)?.text;
    const reason = await until(yields, { what: "somebody waits" });
    expect(reason).toBe("1 session waits for a lock that the backfill holds: UPDATE t SET n = 3");
    await holder!.query("COMMIT");
    await waiting;
    expect(await yields()).toBeUndefined();
    await Promise.all([holder!.end(), waiter!.end(), lease.close()]);
  });
});
