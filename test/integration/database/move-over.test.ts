import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { BusyClient, type Turn } from "../../support/postgres/clients.ts";
import { contractIn, expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { WaitWatch } from "../../support/postgres/waits.ts";

const SETUP = `
  CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users (id), n int NOT NULL DEFAULT 0);
  INSERT INTO orders (user_id) SELECT 1 FROM generate_series(1, 2000); ANALYZE;`;

/** Writes one row, and changes one, in the old table, the new one, or both. */
const writing =
  (...tables: readonly ("orders" | "orders_new")[]): Turn =>
  async (run, turn) => {
    const [first = "orders"] = tables;
    const copy = `INSERT INTO orders_new SELECT * FROM orders WHERE id = $1 ON CONFLICT (id) DO UPDATE SET n = excluded.n`;
    const id = (turn % 2000) + 1;
    await run("BEGIN");
    const { rows } = await run(`INSERT INTO ${first} (user_id, n) VALUES (1, $1) RETURNING id`, [turn]);
    await run(`UPDATE ${first} SET n = n + 1 WHERE id = $1`, [id]);
    for (const changed of tables.length > 1 ? [(rows as { id: number }[])[0]!.id, id] : []) await run(copy, [changed]);
    await run("COMMIT");
  };

const REWRITES = [
  "CLUSTER orders USING orders_pkey;",
  "VACUUM FULL orders;",
  "ALTER TABLE orders SET UNLOGGED;",
  "ALTER TABLE orders SET LOGGED;",
] as const;

describe("what writes a table anew", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  it.each(REWRITES)("%s is done as the refusal says: by three releases, each beside the one before", async (migration) => {
    const url = await server.database();
    await query(url, SETUP + (migration.includes("SET LOGGED") ? "ALTER TABLE orders SET UNLOGGED;" : ""));
    const [refusal] = (await planOf(url, 2, { migration })).refusals;
    expect(refusal!.rule).toBe("rewrite");
    const releases = refusal!.write
      .join("\n")
      .split(/^-- .*:$/m)
      .slice(-3);
    const watch = await WaitWatch.start(url);
    let running = await BusyClient.start(await urlOf(url, 1), writing("orders"));
    onTestFinished(async () => {
      await Promise.all([running.stop(), watch.stop()]);
    });
    for (const [place, turn] of [
      writing("orders", "orders_new"),
      writing("orders", "orders_new"),
      writing("orders_new"),
    ].entries()) {
      const release = place + 2;
      await running.turns(5);
      if (release === 4) {
        const differ = "(TABLE orders EXCEPT TABLE orders_new) UNION ALL (TABLE orders_new EXCEPT TABLE orders)";
        expect(await query(url, differ)).toEqual([]);
      }
      const plan = await planOf(url, release, { migration: releases[place]! });
      expect(plan.refusals).toEqual([]);
      await expandIn(url, plan);
      const next = await BusyClient.start(await urlOf(url, release), turn);
      await Promise.all([running.turns(10), next.turns(10)]);
      expect((await running.stop()).errors).toEqual([]);
      running = next;
      await contractIn(url, release);
    }
    await running.turns(10);
    expect((await running.stop()).errors).toEqual([]);
    expect(await watch.stop(), "waited for Hitless").toEqual([]);
    const [left] = await query(
      url,
      "SELECT relpersistence AS kind, to_regclass('orders') AS old, (SELECT count(*)::int FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f' AND convalidated) AS keys FROM pg_class c WHERE relname = 'orders_new'",
    );
    expect(left).toEqual({ kind: migration.includes("UNLOGGED") ? "u" : "p", old: null, keys: 1 });
  });
});
