import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { lookTwice, stillUsed, usageOf } from "../../../src/engine/database/gate.ts";
import { APP, expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

describe("the contract's gate", () => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(18, ["track_functions=all"]);
  }, 60_000);
  afterAll(() => server.stop());

  const expanded = async (): Promise<void> => {
    url = await server.database();
    await query(
      url,
      "CREATE TABLE t (id int, a text); CREATE FUNCTION f(x int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN x; END'",
    );
  };
  const expand = async (): Promise<void> => {
    await expandIn(
      url,
      await planOf(url, 2, {
        migration: "ALTER TABLE t RENAME COLUMN a TO b;",
        procedures: { "f.sql": "CREATE FUNCTION f(x text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN x; END';" },
      }),
    );
  };
  const connected = async (to: string, name?: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: to });
    await client.connect();
    if (name !== undefined) await client.query(`SET application_name = '${name}'`);
    onTestFinished(() => client.end().catch(() => undefined));
    return client;
  };
  const reasons = async (force = false): Promise<readonly string[]> => {
    const [set] = await postgresDatabase.changeSets(url, APP);
    return lookTwice(postgresDatabase, { app: APP, url }, { set: set!, clock: systemClock, force });
  };

  it("sees sessions by the name in their URL, with the application's own before it", async () => {
    await expanded();
    await expand();
    await connected((await urlOf(`${url}?application_name=billing`, 1)).replace("hitless_shop_r2%2C", ""));
    await connected(await urlOf(url, 2));
    expect(await reasons()).toEqual([
      expect.stringMatching(
        /^r1 is connected \(1\): pid \d+, for \d+ s, last with .*; SELECT pg_terminate_backend\(\d+\) ends it$/,
      ),
    ]);
    expect(
      await query(url, "SELECT application_name AS is FROM pg_stat_activity WHERE application_name LIKE 'billing%'"),
    ).toEqual([{ is: "billing shop.r1" }]);
  });

  it("sees who names itself otherwise and was there before the release; later ones can be of the release", async () => {
    await expanded();
    await connected(await urlOf(url, 1), "web");
    await expand();
    await connected(await urlOf(url, 2), "web");
    expect(await reasons()).toEqual([
      expect.stringMatching(/^web \(1\) does not say whose it is, and was there before r2: pid \d+/),
    ]);
    expect(await reasons(true)).toEqual([]);
  });

  it("sees calls of what it would remove, by whomever they are made", async () => {
    await expanded();
    await expand();
    const [set] = await postgresDatabase.changeSets(url, APP);
    const look = () => usageOf(postgresDatabase, { app: APP, url }, set!);
    const before = await look();
    await query(url, "SELECT f(1), f(2)");
    await query(await urlOf(url, 2), "SELECT f('x')");
    const after = await look();
    expect(stillUsed(after, before)).toEqual(["routines that only older releases know were called 2 times just now"]);
    expect(stillUsed(await look(), after)).toEqual([]);
  });
});
