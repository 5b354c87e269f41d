import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contract, expand } from "../../../src/engine/database/runner.ts";
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

  it("a row that is not filled yet keeps its value when somebody writes that again, though there is another for rows without one", async () => {
    const url = await server.database();
    await query(url, "CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 6), (2, NULL);");
    const migration = `ALTER TABLE t ALTER COLUMN c TYPE bigint;
      -- hitless: up t.c = 0
      ALTER TABLE t ALTER COLUMN c SET NOT NULL;`;
    const plan = await planOf(url, 2, { migration });
    const old = await urlOf(url, 1);
    const writes = async (): Promise<void> => {
      await query(old, "UPDATE t SET c = c");
    };
    await withRunner(url, (runner) => expand({ ...runner, lease: interleaved(runner.lease, writes) }, plan));
    expect(await query(await urlOf(url, 2), "SELECT c FROM t ORDER BY id")).toEqual([{ c: "6" }, { c: "0" }]);
  });

  it("a check and a foreign key that the release drops are not there for a column that it retypes", async () => {
    const { url, next } = await expanded(
      `CREATE TABLE parents (id int PRIMARY KEY);
       CREATE TABLE t (id int PRIMARY KEY, c int CONSTRAINT positive CHECK (c > 0), parent int CONSTRAINT known REFERENCES parents);
       CREATE TABLE kids (t_id int CONSTRAINT of_t REFERENCES t);`,
      `ALTER TABLE t DROP CONSTRAINT positive;
       ALTER TABLE t DROP CONSTRAINT known;
       ALTER TABLE kids DROP CONSTRAINT of_t;
       ALTER TABLE t ALTER COLUMN c TYPE bigint;
       ALTER TABLE t ALTER COLUMN parent TYPE bigint;
       ALTER TABLE t ALTER COLUMN id TYPE bigint;`,
    );
    const write = "INSERT INTO t (id, c, parent) VALUES (1, -1, 9)";
    await query(next, write);
    await contractIn(url, 2);
    await query(url, write.replace("1", "2"));
    expect(
      await query(url, "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace"),
    ).toEqual([]);
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

  const shapeOf = (url: string, table: string): Promise<unknown> =>
    query(
      url,
      `SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype <> 'n' AND convalidated
       UNION ALL SELECT regexp_replace(indexdef, ' ON .*', '') FROM pg_indexes WHERE tablename = '${table}' ORDER BY 1`,
    );

  it.each([
    ["serial", "id serial PRIMARY KEY"],
    ["identity", "id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"],
  ])("a %s key that is retyped twice keeps its counter, its key, its indexes and what refers to it", async (_, column) => {
    const { url, old, next } = await expanded(
      `CREATE TABLE t (${column}, c int CONSTRAINT positive CHECK (c > 0) DEFAULT 4); CREATE INDEX by_both ON t (c, id);
       CREATE TABLE kids (t_id int REFERENCES t); INSERT INTO t (c) VALUES (1), (2); INSERT INTO kids VALUES (1);`,
      `ALTER TABLE t ALTER COLUMN id TYPE bigint; ALTER TABLE t ALTER COLUMN c TYPE bigint;
       ALTER TABLE t ALTER COLUMN id TYPE numeric(20); ALTER TABLE t ALTER COLUMN c TYPE numeric(20);`
        .replaceAll("numeric(20)", column.includes("IDENTITY") ? "bigint USING id + 0" : "numeric(20)")
        .replace("ALTER COLUMN c TYPE bigint USING id + 0", "ALTER COLUMN c TYPE numeric(20)"),
    );
    await query(old, "INSERT INTO t (c) VALUES (3)");
    await query(next, "INSERT INTO t DEFAULT VALUES");
    await contractIn(url, 2);
    await query(url, "INSERT INTO t DEFAULT VALUES");
    const rows = await query<{ id: string; c: string }>(url, "SELECT id, c FROM t ORDER BY id");
    expect(rows.map(({ c }) => Number(c))).toEqual([1, 2, 3, 4, 4]);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(5);
    expect(await query(url, "SELECT pg_get_serial_sequence('t', 'id') IS NOT NULL AS has")).toEqual([{ has: true }]);
    expect(await shapeOf(url, "t")).toEqual([
      { is: expect.stringMatching(/^CHECK \(\(c > \(?0\)?(::\w+)?\)\)$/) as string },
      { is: "CREATE INDEX by_both" },
      { is: "CREATE UNIQUE INDEX t_pkey" },
      { is: "PRIMARY KEY (id)" },
    ]);
    expect(await shapeOf(url, "kids")).toEqual([{ is: "FOREIGN KEY (t_id) REFERENCES t(id)" }]);
  });

  const KEY = "ALTER TABLE t ALTER COLUMN id TYPE NEW;";
  const REFERRING = "ALTER TABLE kids ALTER COLUMN t_id TYPE NEW;";
  const NAMES =
    "ALTER TABLE kids RENAME COLUMN t_id TO parent; ALTER TABLE t RENAME COLUMN id TO number; ALTER TABLE kids RENAME TO children; ALTER TABLE t RENAME TO parents;";
  it.each([
    ["the key first", KEY + REFERRING, "bigint"],
    ["the referring column first", REFERRING + KEY, "bigint"],
    ["the key first, and all are renamed", KEY + REFERRING + NAMES, "bigint"],
    ["the referring column first, and all are renamed", REFERRING + KEY + NAMES, "bigint"],
    ["to a type that cannot refer to the old one, the key first", KEY + REFERRING, "text"],
    ["to a type that cannot refer to the old one, the referring column first", REFERRING + KEY + NAMES, "text"],
  ])("a key and the column that refers to it are retyped: %s", async (_, migration, type) => {
    const { url, old, next } = await expanded(
      `CREATE TABLE t (id int PRIMARY KEY, c int); CREATE TABLE kids (id int PRIMARY KEY, t_id int NOT NULL REFERENCES t ON DELETE CASCADE);
       CREATE INDEX by_t ON kids (t_id); INSERT INTO t VALUES (1, 1), (2, 2); INSERT INTO kids VALUES (1, 1), (2, 2);`,
      migration.replaceAll("NEW", type),
    );
    const renamed = migration.includes("RENAME");
    const [keys, kids, id, parent] = renamed ? ["parents", "children", "number", "parent"] : ["t", "kids", "id", "t_id"];
    await query(old, "INSERT INTO t VALUES (3, 3); INSERT INTO kids VALUES (3, 3)");
    await query(next, `INSERT INTO ${keys} VALUES ('4', 4); INSERT INTO ${kids} VALUES (4, '4')`);
    await expect(query(next, `INSERT INTO ${kids} VALUES (5, '9')`)).rejects.toThrow("foreign key");
    await expect(query(old, "INSERT INTO kids VALUES (5, 9)")).rejects.toThrow("foreign key");
    await query(next, `DELETE FROM ${keys} WHERE ${id} = '2'`);
    expect(await query(old, "SELECT id FROM kids ORDER BY 1")).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }]);
    const bad = async (): Promise<void> => {
      await expect(query(next, `INSERT INTO ${kids} VALUES (5, '9')`)).rejects.toThrow(/foreign key|does not exist/);
    };
    await withRunner(url, (runner) => contract({ ...runner, lease: interleaved(runner.lease, bad) }, 2));
    await query(url, `DELETE FROM ${keys} WHERE ${id} = '1'`);
    expect(await query(url, `SELECT id FROM ${kids} ORDER BY 1`)).toEqual([{ id: 3 }, { id: 4 }]);
    expect(await shapeOf(url, kids)).toEqual([
      { is: "CREATE INDEX by_t" },
      { is: "CREATE UNIQUE INDEX kids_pkey" },
      { is: `FOREIGN KEY (${parent}) REFERENCES ${keys}(${id}) ON DELETE CASCADE` },
      { is: "PRIMARY KEY (id)" },
    ]);
  });

  it("a table that refers to itself is retyped as a whole, with a key of two columns", async () => {
    const { url, next } = await expanded(
      `CREATE TABLE t (id int, part int, above int, above_part int, PRIMARY KEY (id, part), CONSTRAINT up FOREIGN KEY (above, above_part) REFERENCES t, CONSTRAINT unlike CHECK (id <> above));
       INSERT INTO t VALUES (1, 1, NULL, NULL), (2, 1, 1, 1);`,
      "ALTER TABLE t ALTER above TYPE bigint, ALTER id TYPE bigint, ALTER above_part TYPE bigint; ALTER TABLE t ALTER part TYPE bigint;",
    );
    await expect(query(next, "INSERT INTO t VALUES (3, 1, 9, 9)")).rejects.toThrow("foreign key");
    await contractIn(url, 2);
    expect(await shapeOf(url, "t")).toEqual([
      { is: "CHECK ((id <> above))" },
      { is: "CREATE UNIQUE INDEX t_pkey" },
      { is: "FOREIGN KEY (above, above_part) REFERENCES t(id, part)" },
      { is: "PRIMARY KEY (id, part)" },
    ]);
  });

  it("statistics and storage of a column that was renamed before, in its table that was renamed too, are those of the same column", async () => {
    const { url } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c text, d text); INSERT INTO t VALUES (1, 'c', 'd');",
      `ALTER TABLE t RENAME COLUMN c TO n; ALTER TABLE t RENAME COLUMN d TO c; ALTER TABLE t RENAME TO u;
       ALTER TABLE u ALTER COLUMN n SET STATISTICS 77, ALTER COLUMN n SET (n_distinct = 5), ALTER COLUMN c SET STORAGE EXTERNAL, ALTER COLUMN n SET COMPRESSION pglz;`,
    );
    await contractIn(url, 2);
    expect(
      await query(
        url,
        "SELECT attname AS name, attstattarget AS target, attstorage AS storage, attoptions AS options, attcompression AS compression FROM pg_attribute WHERE attrelid = 'u'::regclass AND attname IN ('n', 'c') ORDER BY 1",
      ),
    ).toEqual([
      { name: "c", target: null, storage: "e", options: null, compression: "" },
      { name: "n", target: 77, storage: "x", options: ["n_distinct=5"], compression: "p" },
    ]);
  });

  it("a counter that is retyped gives each number once", async () => {
    const { url, old, next } = await expanded(
      "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c int);",
      "ALTER TABLE t ALTER COLUMN id TYPE bigint;",
    );
    for (const at of [next, old, next, next, old]) await query(at, "INSERT INTO t (c) VALUES (1)");
    await query(next, "INSERT INTO t (c) SELECT 2 FROM generate_series(1, 3)");
    expect((await query<{ id: string }>(next, "SELECT id FROM t ORDER BY id")).map(({ id }) => Number(id))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    await contractIn(url, 2);
    expect(await query(url, "INSERT INTO t (c) VALUES (1) RETURNING id")).toEqual([{ id: "9" }]);
  });

  it("a column that is never null any more, and retyped afterwards, is not null after the contract", async () => {
    const { url, old, next } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, NULL);",
      `-- hitless: up t.c = 0
       ALTER TABLE t ALTER COLUMN c SET NOT NULL;
       ALTER TABLE t ALTER COLUMN c TYPE bigint;`,
    );
    await query(old, "INSERT INTO t VALUES (2, NULL)");
    expect(await query(next, "SELECT c FROM t")).toEqual([{ c: "0" }, { c: "0" }]);
    await contractIn(url, 2);
    expect(await query(url, "SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'c'")).toEqual([
      { attnotnull: true },
    ]);
  });

  it("a null becomes the column's default, also where the column is retyped or gets another default before", async () => {
    const { old, next } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int DEFAULT 4, k int DEFAULT 4); INSERT INTO t VALUES (1, NULL, NULL);",
      `ALTER TABLE t ALTER COLUMN c TYPE bigint; ALTER TABLE t ALTER COLUMN c SET NOT NULL;
       ALTER TABLE t ALTER COLUMN k SET DEFAULT 5; ALTER TABLE t ALTER COLUMN k SET NOT NULL;`,
    );
    await query(old, "INSERT INTO t VALUES (2, NULL, NULL)");
    expect(await query(next, "SELECT c, k FROM t")).toEqual([
      { c: "4", k: 5 },
      { c: "4", k: 5 },
    ]);
  });

  it("a null that somebody of no release writes stays one for the old release where the new one has a value instead", async () => {
    const { url, old, next } = await expanded(
      "CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 1);",
      `ALTER TABLE t ALTER COLUMN c TYPE bigint;
       -- hitless: up t.c = 0
       ALTER TABLE t ALTER COLUMN c SET NOT NULL;`,
    );
    await query(url, "INSERT INTO t VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET c = EXCLUDED.c");
    expect(await query(old, "SELECT c FROM t")).toEqual([{ c: null }]);
    expect(await query(next, "SELECT c FROM t")).toEqual([{ c: "0" }]);
  });

  it("a pinned routine that the release lists as it was sees what the release sees", async () => {
    const put =
      "CREATE FUNCTION put(val int) RETURNS bigint LANGUAGE sql SET search_path = public AS 'INSERT INTO t (c) VALUES (val) RETURNING c';";
    const url = await server.database();
    await query(url, `CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, c int, PRIMARY KEY (id)); ${put}`);
    const plan = await planOf(url, 2, { migration: "ALTER TABLE t ALTER COLUMN c TYPE bigint;", procedures: { "put.sql": put } });
    await expandIn(url, plan);
    const [old, next] = [await urlOf(url, 1), await urlOf(url, 2)];
    expect(await query(old, "SELECT put(1)")).toEqual([{ put: "1" }]);
    expect(await query(next, "SELECT put(2)")).toEqual([{ put: "2" }]);
    expect(await query(old, "SELECT c FROM t ORDER BY id")).toEqual([{ c: 1 }, { c: 2 }]);
    expect(await query(next, "SELECT c FROM t ORDER BY id")).toEqual([{ c: "1" }, { c: "2" }]);
    await contractIn(url, 2);
    expect(await query(url, "SELECT put(3)")).toEqual([{ put: "3" }]);
  });
});
