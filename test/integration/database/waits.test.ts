import { afterAll, beforeAll, expect, it, vi } from "vitest";
import pg from "pg";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { WaitWatch } from "../../support/postgres/waits.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(18);
}, 60_000);
afterAll(() => server.stop());

/** Somebody holds a table while a client wants to read it, until the watch has had many looks. */
async function seenWhile(holder: string): Promise<readonly string[]> {
  const url = await server.database();
  await query(url, "CREATE TABLE t (id int)");
  const [holding, waiting] = [holder, "an app"].map(
    (application_name) => new pg.Client({ connectionString: url, application_name }),
  );
  await Promise.all([holding!.connect(), waiting!.connect()]);
  const watch = await WaitWatch.start(url);
  await holding!.query("BEGIN; LOCK TABLE t");
  const waited = waiting!.query("SELECT * FROM t");
  await watch.looks(20);
  await holding!.query("COMMIT");
  await waited;
  await Promise.all([holding!.end(), waiting!.end()]);
  return await watch.stop();
}

it("the watch sees a client that waits too long for Hitless", async () => {
  expect(await seenWhile("hitless")).toEqual([expect.stringMatching(/^\d+ ms: SELECT \* FROM t$/)]);
});

it.each(["t", "Order Lines", "Ünï.code"])("who holds the table %j is seen before it is asked for", async (name) => {
  const url = await server.database();
  await query(url, `CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."${name}" (id int); CREATE TABLE other (id int)`);
  const holder = new pg.Client({ connectionString: url, application_name: "an app" });
  await holder.connect();
  const lease = await postgresDatabase.lease(url, "shop");
  try {
    await holder.query(`BEGIN; SELECT * FROM "My Shop"."${name}"`);
    const seen = await vi.waitUntil(async () => {
      const holders = await lease.holders(`My Shop.${name}`, "ACCESS EXCLUSIVE");
      return holders.length > 0 ? holders : null;
    });
    expect(seen).toMatchObject([{ application: "an app" }]);
    expect(await lease.holders("public.other", "ACCESS EXCLUSIVE")).toEqual([]);
  } finally {
    await lease.close();
    await holder.end();
  }
});

it("the watch sees nothing in a wait for somebody else", async () => {
  expect(await seenWhile("another")).toEqual([]);
});
