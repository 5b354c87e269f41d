import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { StepBench, stepIs } from "../../support/step-bench.ts";
import { until } from "../../support/temp.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(18);
}, 60_000);
afterAll(() => server.stop());

async function bench(setup: string): Promise<StepBench> {
  const url = await server.database();
  await query(url, setup);
  return new StepBench(url);
}

const ITEMS =
  "CREATE TABLE items (id int PRIMARY KEY, n text, v int); INSERT INTO items SELECT i, i::text, NULL FROM generate_series(1, 3000) i;";
/** Whoever comes to row 2000 waits until something is in the table `gate`. */
const GATE = `CREATE TABLE gate (open int); CREATE FUNCTION at_gate(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  WHILE id = 2000 AND NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; RETURN true; END $$`;
const order = (operation: "pause" | "resume" | "retry" | "cancel") => ({ operation, by: "ada", percent: null });

test("rows that cannot be done are named and the rest is done; when they are right, only they are tried", async () => {
  const one = await bench(`${ITEMS} UPDATE items SET n = 'x' WHERE id = 701`);
  one.write("0001-v.yaml", "update: { table: items, set: v = n::int, where: v IS NULL }");
  const parts = await one.daemon();
  await one.prepare(parts);
  const { failure } = await stepIs(parts, "0001-v", "incomplete");
  expect(failure).toMatchObject({ code: "ERR_BACKFILL_INCOMPLETE", details: [expect.stringContaining("701:")] });
  expect(await query(one.url, "SELECT count(*)::int AS n FROM items WHERE v IS NULL")).toEqual([{ n: 1 }]);
  await query(one.url, "UPDATE items SET n = '701' WHERE id = 701");
  await parts.desk.tell("shop", "0001-v", order("retry"));
  await stepIs(parts, "0001-v", "done");
  expect(await query(one.url, "SELECT count(*)::int AS n FROM items WHERE v IS DISTINCT FROM n::int")).toEqual([{ n: 0 }]);
});

test("a query over ranges of a key is done once for each row, pauses and new rows notwithstanding; a row that it fails on is named", async () => {
  const one = await bench(
    `${ITEMS} UPDATE items SET n = 'x' WHERE id = 1700; CREATE TABLE sums (id int, v int); CREATE TABLE bare (v int); CREATE TABLE owners (item int); ${GATE}`,
  );
  const sums =
    "INSERT INTO sums SELECT i.id, n::int FROM items i LEFT JOIN owners o ON o.item = i.id WHERE {range i} AND at_gate(i.id)";
  one.write("0001-sums.yaml", `batches: { table: items, query: "${sums};" }`);
  one.write("0002-bare.yaml", `batches: { table: bare, query: "DELETE FROM bare WHERE {range}" }`);
  one.write("0003-wrong.yaml", `batches: { table: items, query: "INSERT INTO nowhere SELECT id FROM items WHERE {range}" }`);
  const parts = await one.daemon();
  await one.prepare(parts);
  const isAtGate = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
  await until(async () => (await query(one.url, isAtGate)).length > 0, { within: 25_000, what: "it is in the middle" });
  const paused = parts.desk.tell("shop", "0001-sums", order("pause"));
  await query(one.url, "INSERT INTO items VALUES (9000, '1'); INSERT INTO gate VALUES (1)");
  await paused;
  await parts.desk.tell("shop", "0001-sums", order("resume"));
  expect((await stepIs(parts, "0001-sums", "incomplete")).failure?.details).toEqual([expect.stringContaining("1700:")]);
  const [counts] = await query(
    one.url,
    "SELECT count(*)::int AS n, count(DISTINCT id)::int AS keys, sum(v)::int AS sum FROM sums",
  );
  expect(counts).toEqual({ n: 2999, keys: 2999, sum: (3000 * 3001) / 2 - 1700 });
  await query(one.url, "UPDATE items SET n = '1700' WHERE id = 1700");
  await parts.desk.tell("shop", "0001-sums", order("retry"));
  await stepIs(parts, "0001-sums", "done");
  expect(await query(one.url, "SELECT count(*)::int AS n, count(DISTINCT id)::int AS keys FROM sums")).toEqual([
    { n: 3000, keys: 3000 },
  ]);
  expect((await stepIs(parts, "0002-bare", "failed")).failure?.what).toBe(
    "bare has no primary key, and no unique key without nulls.",
  );
  expect((await stepIs(parts, "0003-wrong", "failed")).failure?.why).toContain('relation "nowhere" does not exist');
});

test("two apps whose updates want the same column: the second is refused with both names, and the first goes on", async () => {
  const one = await bench(ITEMS);
  one.write("0001-v.yaml", "update: { table: items, set: v = 1, where: v IS NULL }\nneeds: [0000-agreed]");
  one.write("0000-agreed.yaml", "wait: { approval: all agree }");
  const other = new StepBench(one.url, "mailer");
  other.write("0001-w.yaml", "update: { table: public.items, set: 'n = 2, v = 2', where: v IS NULL }");
  const parts = await one.daemon();
  await one.prepare(parts);
  await expect(other.prepare(parts)).rejects.toMatchObject({
    code: "ERR_STEP_CONFLICT",
    failure: { details: ["deploy/steps/0001-w.yaml sets items.v, as 0001-v of shop does, which is waiting"] },
  });
  expect(parts.desk.list("mailer")).toEqual([]);
  await parts.desk.tell("shop", "0000-agreed", { operation: "approve", by: "ada", percent: null });
  await stepIs(parts, "0001-v", "done");
  await other.prepare(parts);
  await until(() => parts.desk.list("mailer").some(({ definition, state }) => definition.name === "0001-w" && state === "done"), {
    within: 25_000,
  });
});

test("a table or column that is not there, and that nothing before can make, refuses preparation and deployment, until the step is done", async () => {
  const one = await bench(ITEMS);
  one.write("0001-v.yaml", "update: { table: items, set: v = 1, where: v IS NULL }");
  one.write("0002-w.yaml", "update: { table: items, set: w = 1, where: w IS NULL }\nrequired: false");
  one.write("0003-gone.yaml", 'batches: { table: orders, query: "DELETE FROM orders WHERE {range}" }');
  const parts = await one.daemon();
  const hint = "where the migrations bring it, say `needs: [expand]`";
  const invalid = {
    code: "ERR_STEPS_INVALID",
    failure: {
      details: [
        `deploy/steps/0002-w.yaml:1: items has no column w; ${hint}`,
        `deploy/steps/0003-gone.yaml:1: there is no table orders; ${hint}`,
      ],
    },
  };
  await expect(one.prepare(parts)).rejects.toMatchObject(invalid);
  await expect(one.admit(parts)).rejects.toMatchObject(invalid);
  expect(parts.desk.list("shop")).toEqual([]);
  await query(one.url, "ALTER TABLE items ADD w int; CREATE TABLE orders (id int PRIMARY KEY)");
  await one.prepare(parts);
  await stepIs(parts, "0003-gone", "done");
  await query(one.url, "ALTER TABLE items DROP v; DROP TABLE orders");
  await one.admit(parts);
  await one.prepare(parts);
});

test("what the database refuses is a failure that says why: a wrong type before the first batch, a table that is gone", async () => {
  const one = await bench(`${ITEMS} CREATE TABLE orders (v int)`);
  one.write("0000-drop.sql", "DROP TABLE orders;");
  one.write("0001-type.yaml", "update: { table: items, set: v = n, where: v IS NULL }");
  one.write("0002-gone.yaml", "update: { table: orders, set: v = 1, where: v IS NULL }");
  one.write("0004-where.yaml", "update: { table: items, set: v = 1, where: nobody IS NULL }");
  one.write("0005-query.yaml", 'batches: { table: items, query: "DELETE FROM items WHERE {range} AND nobody" }');
  one.write("0006-wait.yaml", "wait: { query: SELECT nobody }");
  one.write("0003-sql.sql", "-- äö😀\nSELECT '😀';\n  UPDATE nothing SET a = 1;");
  const parts = await one.daemon();
  await one.prepare(parts);
  const type = (await stepIs(parts, "0001-type", "failed")).failure;
  expect(type?.what).toBe("PostgreSQL refused `set` of deploy/steps/0001-type.yaml.");
  expect(type?.why).toContain('column "v" is of type integer');
  const refused = async (name: string) => (await stepIs(parts, name, "failed")).failure?.what;
  expect(await refused("0004-where")).toBe("PostgreSQL refused `where` of deploy/steps/0004-where.yaml.");
  expect(await refused("0005-query")).toBe("PostgreSQL refused `query` of deploy/steps/0005-query.yaml.");
  expect(await refused("0006-wait")).toBe("`query` of deploy/steps/0006-wait.yaml has no answer.");
  expect((await stepIs(parts, "0002-gone", "failed")).failure?.what).toBe("There is no table orders.");
  const sql = (await stepIs(parts, "0003-sql", "failed")).failure;
  expect(sql).toEqual({
    code: "ERR_DATABASE_FAILED",
    what: "PostgreSQL refused deploy/steps/0003-sql.sql:3:10.",
    why: 'relation "nothing" does not exist (SQLSTATE 42P01)',
    next: "Correct it and run `hitless prepare`, or `hitless steps retry 0003-sql`; what it did was taken back, or is kept.",
  });
  expect(await query(one.url, "SELECT count(*)::int AS n FROM items WHERE v IS NOT NULL")).toEqual([{ n: 0 }]);
});

test("paused, it ends at its checkpoint; another daemon goes on from there, and nothing is done twice", async () => {
  const one = await bench(`${ITEMS} CREATE TABLE done (n int)`);
  one.write(
    "0001-once.js",
    `import { appendFileSync, existsSync } from "node:fs";
export async function run({ checkpoint = 0, save }) {
  for (let n = checkpoint; n < 6; n++) {
    appendFileSync(${JSON.stringify(join(one.root, "done"))}, n + "\\n");
    await save(n + 1, { done: n + 1, total: 6 });
    while (n === 2 && !existsSync(${JSON.stringify(join(one.root, "go"))})) await save(3, { done: 3, total: 6 });
  }
}`,
  );
  const first = await one.daemon();
  await one.prepare(first);
  await until(() => first.desk.list("shop").some(({ progress }) => progress?.done === 3), { within: 25_000 });
  await first.desk.tell("shop", "0001-once", order("pause"));
  await stepIs(first, "0001-once", "paused");
  await first.stop();
  writeFileSync(join(one.root, "go"), "");
  const second = await one.daemon();
  await second.desk.tell("shop", "0001-once", order("resume"));
  await stepIs(second, "0001-once", "done");
  expect(readFileSync(join(one.root, "done"), "utf8")).toBe("0\n1\n2\n3\n4\n5\n");
});

test("the last progress that a program has saved counts, however soon it ends after that", async () => {
  const one = await bench(ITEMS);
  one.write(
    "0001-quick.js",
    `export async function run({ save }) {
  for (let n = 1; n <= 30; n++) await save(n, { done: n, total: 30 });
}`,
  );
  const parts = await one.daemon();
  await one.prepare(parts);
  expect((await stepIs(parts, "0001-quick", "done")).progress).toMatchObject({ done: 30, total: 30 });
});

test("a wait that runs is over when its file is gone, its query at the server too; with its file it waits again", async () => {
  const one = await bench(ITEMS);
  const file = "0001-never.yaml";
  const text = "wait: { query: 'SELECT pg_sleep(600) IS NULL' }";
  one.write(file, text);
  const parts = await one.daemon();
  await one.prepare(parts);
  const asked = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
  await until(async () => (await query(one.url, asked)).length > 0, { within: 25_000, what: "it is asked" });
  rmSync(join(one.source, "deploy/steps", file));
  await one.prepare(parts);
  expect(await query(one.url, asked)).toEqual([]);
  const { reason, failure } = await stepIs(parts, "0001-never", "cancelled");
  expect({ reason, failure }).toEqual({ reason: "the coming release has no such step any more", failure: null });
  one.write(file, text);
  await one.prepare(parts);
  await stepIs(parts, "0001-never", "running");
});

test("a role that may change nothing is told so, and nothing was done", async () => {
  const one = await bench(
    `${ITEMS} DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON items TO reader`,
  );
  const reader = new URL(one.url);
  reader.username = "reader";
  reader.password = "r";
  const poor = new StepBench(reader.href);
  poor.write("0001-v.yaml", "update: { table: items, set: v = 1, where: v IS NULL }");
  const parts = await poor.daemon();
  await poor.prepare(parts);
  expect((await stepIs(parts, "0001-v", "failed")).failure).toMatchObject({ code: "ERR_DATABASE_PRIVILEGE" });
  expect(await query(one.url, "SELECT count(*)::int AS n FROM items WHERE v IS NOT NULL")).toEqual([{ n: 0 }]);
});
