import { afterAll, beforeAll, expect, it } from "vitest";
import pg from "pg";
import { readCatalog } from "../../../src/adapters/postgres/catalog.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { tryPlan } from "../../../src/engine/database/trial.ts";
import { planOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const TABLES = 5_000;
/** Processor time of this process, in milliseconds: about 300 on a quiet machine, many times that when something grows with the square. */
const CPU_MS = 10_000;

let server: TestServer;
let url = "";
beforeAll(async () => {
  server = await startServer(18, ["max_locks_per_transaction=512"]);
  url = await server.database();
  for (let from = 1; from <= TABLES; from += 1_000) {
    await query(
      url,
      `DO $$ BEGIN FOR i IN ${String(from)}..${String(from + 999)} LOOP
         EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text, n int)', i); END LOOP; END $$`,
    );
  }
}, 180_000);
afterAll(() => server.stop());

async function queriesOf(database: string): Promise<number> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  let queries = 0;
  await readCatalog({
    query: async <T>(sql: string, values?: readonly unknown[]) => {
      queries++;
      return (await client.query(sql, values === undefined ? undefined : [...values])).rows as T[];
    },
  });
  await client.end();
  return queries;
}

it("a catalog of 5,000 tables is read with as many queries as an empty one", async () => {
  expect(await queriesOf(url)).toBe(await queriesOf(await server.database()));
}, 60_000);

it("a plan for a catalog of 5,000 tables is made and tried with the work of the tables that it names", async () => {
  const before = process.cpuUsage();
  const catalog = await postgresDatabase.catalog(url);
  expect(catalog.tables).toHaveLength(TABLES);
  const plan = await planOf(url, 2, {
    migration:
      "ALTER TABLE t7 RENAME COLUMN name TO title; ALTER TABLE t9 ALTER COLUMN n TYPE bigint; CREATE INDEX ON t40 (n); ALTER TABLE t50 ADD COLUMN x text;",
  });
  expect(plan.refusals).toEqual([]);
  const trial = await tryPlan(postgresShadows, { plan, catalog, corpora: { running: [], next: [] }, shadowUrl: url });
  expect(trial.gaps).toEqual([]);
  expect(trial.plan.refusals).toEqual([]);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(CPU_MS);
}, 120_000);

it("a migration of all 5,000 tables is planned in time that grows with their number", async () => {
  const migration = Array.from({ length: TABLES }, (_, index) => `ALTER TABLE t${String(index + 1)} ADD COLUMN z int;`).join(
    "\n",
  );
  const before = process.cpuUsage();
  const plan = await planOf(url, 2, { migration });
  expect(plan.actions).toHaveLength(TABLES);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(CPU_MS * 2);
}, 120_000);
