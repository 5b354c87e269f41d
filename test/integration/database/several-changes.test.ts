import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contract } from "../../../src/engine/database/runner.ts";
import { interleaved } from "../../support/postgres/lossless/interleaved.ts";
import { contractIn, expandIn, planOf, urlOf, withRunner } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

/** Found by the property of lossless writers (lossless.test.ts): statements of one migration that meet at one column or table. */
describe("several changes of one table in one release", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  async function expanded(create: string, migration: string): Promise<{ url: string; old: string; next: string }> {
    const url = await server.database();
    await query(url, create);
    const plan = await planOf(url, 2, { migration });
    expect(plan.refusals).toEqual([]);
    await expandIn(url, plan);
    return { url, old: await urlOf(url, 1), next: await urlOf(url, 2) };
  }

  it("a constraint that waits for the contract knows its table and columns by the names that they have then", async () => {
    const { url } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int, k int);",
      `ALTER TABLE t ADD CONSTRAINT positive CHECK (c >= 0);
       ALTER TABLE t ADD CONSTRAINT one UNIQUE (k);
       CREATE UNIQUE INDEX both_of ON t (c, k);
       ALTER TABLE t ALTER COLUMN c SET DEFAULT 7;
       ALTER TABLE t RENAME COLUMN c TO n;
       ALTER TABLE t RENAME COLUMN k TO code;
       ALTER TABLE t RENAME TO u;`,
    );
    await contractIn(url, 2);
    expect(
      await query(
        url,
        "SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conname IN ('one', 'positive') ORDER BY 1",
      ),
    ).toEqual([{ is: "CHECK ((n >= 0))" }, { is: "UNIQUE (code)" }]);
    expect(await query(url, "INSERT INTO u (id, code) VALUES (1, 1) RETURNING n")).toEqual([{ n: 7 }]);
  });

  it("a foreign key refers to a key that is retyped and renamed", async () => {
    const { url } = await expanded(
      `CREATE TABLE t (id int PRIMARY KEY, parent int REFERENCES t); CREATE TABLE kids (t_id int REFERENCES t ON DELETE CASCADE);
       INSERT INTO t VALUES (1, 1); INSERT INTO kids VALUES (1);`,
      `ALTER TABLE t ALTER COLUMN id TYPE bigint; ALTER TABLE t RENAME COLUMN id TO number; ALTER TABLE t RENAME COLUMN parent TO above;
       ALTER TABLE t RENAME TO u;`,
    );
    await contractIn(url, 2);
    expect(
      await query(
        url,
        "SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE contype = 'f' AND convalidated ORDER BY 1",
      ),
    ).toEqual([
      { is: "FOREIGN KEY (above) REFERENCES u(number)" },
      { is: "FOREIGN KEY (t_id) REFERENCES u(number) ON DELETE CASCADE" },
    ]);
  });

  it("what is said before one statement is not taken for another of the same column, and its default stays", async () => {
    const { url, old, next } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int NOT NULL DEFAULT 4); INSERT INTO t VALUES (1, 5);",
      `ALTER TABLE t ALTER COLUMN c TYPE bigint;
       -- hitless: down t.c = 0
       ALTER TABLE t ALTER COLUMN c DROP NOT NULL;`,
    );
    await query(next, "INSERT INTO t (id) VALUES (2)");
    await query(next, "UPDATE t SET c = 8 WHERE id = 1");
    expect(await query(old, "SELECT c FROM t ORDER BY id")).toEqual([{ c: 8 }, { c: 4 }]);
    await query(next, "UPDATE t SET c = NULL WHERE id = 1");
    expect(await query(old, "SELECT c FROM t ORDER BY id")).toEqual([{ c: 0 }, { c: 4 }]);
    expect(await query(next, "SELECT c FROM t ORDER BY id"), "a null that the old column cannot hold").toEqual([
      { c: null },
      { c: "4" },
    ]);
    await contractIn(url, 2);
    expect(await query(url, "INSERT INTO t (id) VALUES (3) RETURNING c")).toEqual([{ c: "4" }]);
  });

  it("a dropped column that is computed from one that is retyped afterwards keeps what the old release writes", async () => {
    const { old, next } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int NOT NULL, k int); INSERT INTO t VALUES (1, 5, 5);",
      `-- hitless: down t.c = k + 1
       ALTER TABLE t DROP COLUMN c;
       ALTER TABLE t ALTER COLUMN k TYPE bigint;`,
    );
    await query(old, "UPDATE t SET k = 7 WHERE id = 1");
    expect(await query(old, "SELECT c, k FROM t")).toEqual([{ c: 5, k: 7 }]);
    await query(next, "UPDATE t SET k = 8 WHERE id = 1");
    expect(await query(old, "SELECT c, k FROM t")).toEqual([{ c: 9, k: 8 }]);
  });

  it("an index or check of a column that is retyped afterwards is there when the old column is gone", async () => {
    const { url } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int);",
      `CREATE INDEX by_c ON t (c);
       -- hitless: phase=expand
       ALTER TABLE t ADD CONSTRAINT positive CHECK (c >= 0);
       ALTER TABLE t ALTER COLUMN c TYPE bigint;`,
    );
    await contractIn(url, 2);
    expect(await query(url, "SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conname = 'positive'")).toEqual([
      { is: "CHECK ((c >= 0))" },
    ]);
    expect(await query(url, "SELECT indexname FROM pg_indexes WHERE indexname = 'by_c'")).toHaveLength(1);
  });

  it("the new release inserts rows between any two steps of the contract where an identity is retyped and renamed", async () => {
    const { url, next } = await expanded(
      "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, c int);",
      "ALTER TABLE t ALTER COLUMN id TYPE bigint; ALTER TABLE t RENAME COLUMN id TO number; ALTER TABLE t RENAME TO u;",
    );
    let inserted = 0;
    const insert = async (): Promise<void> => {
      await query(next, "INSERT INTO u (c) VALUES (1)");
      inserted++;
    };
    await withRunner(url, (runner) => contract({ ...runner, lease: interleaved(runner.lease, insert) }, 2));
    await insert();
    expect(inserted).toBeGreaterThan(3);
    expect(await query(url, "SELECT number FROM u")).toHaveLength(inserted);
  });
});
