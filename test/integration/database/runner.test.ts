import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { createRng } from "../../../src/base/rng.ts";
import type { HitlessError } from "../../../src/base/error.ts";
import { contract, expand } from "../../../src/engine/database/runner.ts";
import type { DatabaseLease } from "../../../src/ports/database.ts";
import { APP, expandIn, planOf, revertIn, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP =
  "CREATE TABLE t (id int PRIMARY KEY, name text, n int NOT NULL DEFAULT 1); INSERT INTO t SELECT i, 'x', i FROM generate_series(1, 3000) i; CREATE INDEX t_n ON t (n);";
const MIGRATION =
  "ALTER TABLE t RENAME COLUMN name TO title; ALTER TABLE t ALTER COLUMN n TYPE bigint; CREATE INDEX ON t (title); ALTER TABLE t ADD COLUMN fresh text;";

const patience = (limitMs = 30_000) => ({
  clock: systemClock,
  rng: createRng(1),
  signal: AbortSignal.timeout(60_000),
  lockTimeoutMs: 50,
  limitMs,
});

describe("the runner", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const prepared = async (): Promise<string> => {
    const url = await server.database();
    await query(url, SETUP);
    return url;
  };
  const connected = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end().catch(() => undefined));
    return client;
  };
  const leased = async (url: string): Promise<DatabaseLease> => {
    const lease = await postgresDatabase.lease(url, APP);
    onTestFinished(() => lease.close());
    return lease;
  };

  it("waits for a long transaction without making anybody wait behind it, says who it is, and goes on when it ends", async () => {
    const url = await prepared();
    const plan = await planOf(url, 2, { migration: MIGRATION });
    const holder = await connected(url);
    await holder.query("BEGIN; SELECT count(*) FROM t");
    const reader = await connected(url);
    const lease = await leased(url);
    const told = Promise.withResolvers<string>();
    const done = expand(
      {
        lease,
        patience: patience(),
        note: (text) => {
          if (text.includes("waiting for")) told.resolve(text);
        },
      },
      plan,
    );
    expect(await told.promise).toMatch(
      /waiting for pid \d+ \(a client of postgres, idle in transaction for \d+ s\): BEGIN; SELECT count/,
    );
    const started = performance.now();
    for (let turn = 0; turn < 20; turn++) await reader.query("UPDATE t SET n = n WHERE id = 1");
    // Had it queued behind the holder without a limit, they would wait for as long as the holder does: for ever.
    expect(performance.now() - started).toBeLessThan(10_000);
    await holder.query("COMMIT");
    expect((await done).state).toBe("expanded");
  });

  it("gives up after its patience, naming who is in the way; nothing of the step is left", async () => {
    const url = await prepared();
    const plan = await planOf(url, 2, { migration: "ALTER TABLE t ADD COLUMN fresh text;" });
    const holder = await connected(url);
    await holder.query("BEGIN; SELECT count(*) FROM t");
    const refused = expand({ lease: await leased(url), patience: patience(300), note: () => undefined }, plan);
    await expect(refused).rejects.toThrow(/In the way: pid \d+/);
    await expect(refused).rejects.toMatchObject({ code: "ERR_DATABASE_LOCKED" } satisfies Partial<HitlessError>);
    expect(await query(url, "SELECT FROM information_schema.columns WHERE column_name = 'fresh'")).toEqual([]);
  });

  it("whose connection is cut in any step, is gone on with by the next, to the same end", async () => {
    const plan = await planOf(await prepared(), 2, { migration: MIGRATION });
    for (let cut = 1; cut <= plan.actions.length; cut++) {
      const url = await prepared();
      for (const work of [
        (lease: DatabaseLease, note: (text: string) => void) => expand({ lease, patience: patience(), note }, plan),
        (lease: DatabaseLease, note: (text: string) => void) => contract({ lease, patience: patience(), note }, 2),
      ]) {
        const lease = await postgresDatabase.lease(url, APP);
        let step = 0;
        const killing: Promise<unknown>[] = [];
        await work(lease, () => {
          if (++step === cut)
            killing.push(
              query(
                url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hitless' AND datname = current_database()",
              ),
            );
        }).catch(() => undefined);
        await Promise.all(killing);
        await lease.close();
        const next = await postgresDatabase.lease(url, APP);
        await work(next, () => undefined);
        await next.close();
      }
      const [row] = await query<{ is: string }>(
        url,
        "SELECT string_agg(column_name || ' ' || data_type, ',' ORDER BY ordinal_position) AS is FROM information_schema.columns WHERE table_schema = 'public'",
      );
      expect(row?.is, `cut in step ${String(cut)}`).toBe("id integer,title text,n bigint,fresh text");
      expect(
        await query(
          url,
          "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid ORDER BY 1",
        ),
      ).toEqual([{ name: "t_n" }, { name: "t_pkey" }, { name: "t_title_idx" }]);
      expect(await query(url, "SELECT count(*)::int AS filled FROM t WHERE n = id")).toEqual([{ filled: 3000 }]);
    }
  }, 120_000);

  it("is alone: a second one is refused, and one that was replaced cannot act any more", async () => {
    const url = await prepared();
    const first = await leased(url);
    await expect(postgresDatabase.lease(url, APP)).rejects.toMatchObject({ code: "ERR_DATABASE_BUSY" });
    await query(url, "UPDATE hitless.runners SET token = token + 1");
    const late = first.step({
      release: 2,
      action: "e1",
      sql: ["ALTER TABLE t ADD COLUMN late int"],
      mark: "done",
      lockTimeoutMs: 100,
    });
    await expect(late).rejects.toMatchObject({ code: "ERR_STALE_EPOCH" });
    expect(await query(url, "SELECT FROM information_schema.columns WHERE column_name = 'late'")).toEqual([]);
  });

  it("needs no superuser, and names the privilege that is missing", async () => {
    const url = await server.database();
    const name = new URL(url).pathname.slice(1);
    await query(
      url,
      `CREATE ROLE plain_${name} LOGIN; CREATE SCHEMA own AUTHORIZATION plain_${name}; ALTER ROLE plain_${name} SET search_path = own;`,
    );
    const plain = url.replace("postgres@", `plain_${name}@`);
    await query(plain, SETUP);
    await expect(postgresDatabase.lease(plain, APP)).rejects.toMatchObject({ code: "ERR_DATABASE_PRIVILEGE" });
    await query(url, `GRANT CREATE ON DATABASE ${name} TO plain_${name}`);
    await expandIn(plain, await planOf(plain, 2, { migration: MIGRATION }));
    expect(await query((await urlOf(plain, 2)).replace("public", "own"), "SELECT title FROM t WHERE id = 1")).toEqual([
      { title: "x" },
    ]);
  });

  it("a step that PostgreSQL refuses says so with its place, and leaves what was before it for the next try", async () => {
    const url = await prepared();
    await query(url, "INSERT INTO t VALUES (0, 'not a number', 1)");
    const plan = await planOf(url, 2, {
      migration:
        "-- hitless: accept retype-may-fail because we thought so\nALTER TABLE t ALTER COLUMN name TYPE int USING name::int;",
    });
    const failed = expandIn(url, plan);
    await expect(failed).rejects.toMatchObject({ code: "ERR_BACKFILL_INCOMPLETE" });
    await expect(failed).rejects.toThrow(/m\.sql:2.*invalid input syntax for type integer/);
  });

  it("an INSERT that fails among others of its step is told with its own line, whatever PostgreSQL says of it", async () => {
    const rows = Array.from({ length: 40 }, (_, id) => `INSERT INTO seeds VALUES (${String(id)}, 'ä');`);
    const url = await prepared();
    const seed = (...more: string[]): string =>
      ["CREATE TABLE seeds (id int PRIMARY KEY, name text);", ...rows, ...more, "INSERT INTO seeds VALUES (90, 'z');"].join("\n");
    const twice = await planOf(url, 2, { migration: seed("INSERT INTO seeds VALUES (7, 'again');") });
    expect(twice.actions).toHaveLength(2);
    const failed = expandIn(url, twice);
    await expect(failed).rejects.toMatchObject({ code: "ERR_DATABASE_FAILED" });
    await expect(failed).rejects.toThrow(
      /step e2 \(m\.sql:42\): insert into seeds \(42 statements\)\. .*Key \(id\)=\(7\) already exists/,
    );
    expect(await query(url, "SELECT FROM seeds")).toEqual([]);
    // The connection that looked which it was is as it was before: the next try comes to its end.
    await revertIn(url, 2);
    await expandIn(url, await planOf(url, 2, { migration: seed() }));
    expect(await query(url, "SELECT count(*)::int AS rows FROM seeds")).toEqual([{ rows: 41 }]);
  });
});
