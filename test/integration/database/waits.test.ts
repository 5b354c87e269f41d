import { afterAll, beforeAll, expect, it } from "vitest";
import pg from "pg";
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

it("the watch sees nothing in a wait for somebody else", async () => {
  expect(await seenWhile("another")).toEqual([]);
});
