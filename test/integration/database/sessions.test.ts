import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { searchPath } from "../../../src/database/change-set.ts";
import { releaseUrl, urlOfRole, type ReleaseSession } from "../../../src/database/release-url.ts";
import { checkSession } from "../../../src/engine/database/self-test.ts";
import { throughPgbouncer } from "../../support/postgres/pgbouncer.ts";
import { APP, contractIn, expandIn, planOf, revertIn } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP = `
  CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 1, label text);
  CREATE FUNCTION put(id int, n int) RETURNS int LANGUAGE sql AS $$ INSERT INTO t (id, n, label) VALUES (put.id, put.n, 'one') RETURNING t.n $$;`;
const TWO = {
  migration: "ALTER TABLE t RENAME COLUMN label TO title; ALTER TABLE t ALTER COLUMN n TYPE bigint;",
  procedures: {
    "put.sql": `CREATE FUNCTION put(id int, n bigint, title text) RETURNS TABLE (stored bigint) LANGUAGE sql AS
      $$ INSERT INTO t (id, n, title) VALUES (put.id, put.n, put.title) RETURNING t.n $$;`,
  },
};
const ROLES = ["postgres", "hitless_shop_r1", "hitless_shop_r2"];

describe("sessions of a release", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const expanded = async (): Promise<string> => {
    const url = await server.database();
    await query(url, SETUP);
    await expandIn(url, await planOf(url, 2, TWO));
    // Roles are the server's, not the database's.
    onTestFinished(async () => {
      await postgresDatabase.dropRoles(url, APP, 100);
      await revertIn(url, 2).catch(() => undefined);
    });
    return url;
  };
  const sessionOf = async (url: string, release: number): Promise<ReleaseSession> => ({
    app: APP,
    release,
    searchPath: searchPath(await postgresDatabase.changeSets(url, APP), release, ["public"]),
  });
  const checked = async (url: string, through: string, release: number): Promise<void> => {
    const session = await sessionOf(url, release);
    await checkSession(postgresDatabase, { session, url: releaseUrl(through, session), env: {} });
  };

  it("are checked before an instance starts: what takes the options away, or refuses them, is told", async () => {
    const url = await expanded();
    await checked(url, url, 1);
    await checked(url, url, 2);
    const dropping = await throughPgbouncer(url, { roles: ROLES, ignore: "extra_float_digits, options" });
    const dropped = checked(url, dropping, 2);
    await expect(dropped).rejects.toMatchObject({ code: "ERR_DATABASE_SESSION" });
    await expect(dropped).rejects.toThrow(/of no release: `hitless.release` did not get through/);
    const refusing = await throughPgbouncer(url, { roles: ROLES, ignore: "extra_float_digits" });
    await expect(checked(url, refusing, 2)).rejects.toThrow(/would not see the database as r2.* unsupported startup parameter/);
    // The role may log in, but has no right to look into the overlay.
    await query(url, "REVOKE USAGE ON SCHEMA hitless_shop_r2 FROM PUBLIC; CREATE ROLE stranger LOGIN");
    const stranger = url.replace("postgres@", "stranger@");
    await expect(checked(url, stranger, 2)).rejects.toThrow(/looked up in public, and not in hitless_shop_r2, public/);
  });

  it("look names up where their role does by itself, behind the overlay: an operator of an extension is not lost", async () => {
    const url = await server.database();
    await query(url, "CREATE EXTENSION citext; CREATE SCHEMA app; CREATE TABLE app.people (mail citext PRIMARY KEY)");
    await query(
      url,
      "INSERT INTO app.people VALUES ('Ada@x'); ALTER ROLE ALL IN DATABASE " +
        new URL(url).pathname.slice(1) +
        " SET search_path = app, public",
    );
    await expandIn(url, await planOf(url, 2, { migration: "ALTER TABLE people RENAME COLUMN mail TO address" }));
    const { path } = await postgresDatabase.whereabouts(url);
    const session = { app: APP, release: 2, searchPath: searchPath(await postgresDatabase.changeSets(url, APP), 2, path) };
    expect(session.searchPath).toEqual(["hitless_shop_r2", "app", "public"]);
    await checkSession(postgresDatabase, { session, url: releaseUrl(url, session), env: {} });
    expect(await query(releaseUrl(url, session), "SELECT address FROM people WHERE address = 'ada@X'")).toEqual([
      { address: "Ada@x" },
    ]);
  });

  it("and so are routines, views and what keeps columns in step read, in the overlay as by the contract", async () => {
    const url = await server.database();
    await query(
      url,
      `CREATE SCHEMA app; CREATE SCHEMA shared;
       CREATE FUNCTION shared.doubled(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
       ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = app, shared`,
    );
    await query(
      url,
      `CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items VALUES (1, 5);
       CREATE VIEW sums AS SELECT doubled(n) AS n FROM items;
       CREATE FUNCTION bound() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT doubled(max(n)) FROM items; END;
       CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT doubled(max(n)) FROM items'`,
    );
    const plan = await planOf(url, 2, {
      migration: `-- hitless: up items.n = doubled(n)
        -- hitless: down items.n = n / 2
        ALTER TABLE items ALTER COLUMN n TYPE bigint;
        CREATE VIEW names AS SELECT doubled(id) AS id FROM items; GRANT SELECT ON names TO PUBLIC;`,
      procedures: {
        "total.sql": "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT doubled(max(n)) + 1 FROM items'",
      },
    });
    expect(plan.refusals).toEqual([]);
    await expandIn(url, plan);
    const { path } = await postgresDatabase.whereabouts(url);
    const session = { app: APP, release: 2, searchPath: searchPath(await postgresDatabase.changeSets(url, APP), 2, path) };
    const read = "SELECT total()::int, bound()::int, (SELECT n::int FROM sums), (SELECT id::int FROM names)";
    const seen = [{ total: 25, bound: 24, n: 24, id: 2 }];
    await query(url, "UPDATE items SET n = 6");
    expect(await query(releaseUrl(url, session), read)).toEqual(seen);
    await contractIn(url, 2);
    expect(await query(url, read)).toEqual(seen);
  });

  it("a role per release goes through PgBouncer in transaction mode: each sees its own, and its writes are known as its own", async () => {
    const url = await expanded();
    const pooled = await throughPgbouncer(url, { roles: ROLES, ignore: "extra_float_digits, options" });
    const clients = await Promise.all(
      [1, 2].map(async (release) => {
        const session = await sessionOf(url, release);
        const own = urlOfRole(pooled, await postgresDatabase.role(url, session), session);
        await checkSession(postgresDatabase, { session, url: own, env: {} });
        const pool = new pg.Pool({ connectionString: own, max: 4 });
        onTestFinished(() => pool.end());
        return pool;
      }),
    );
    const [one, two] = clients as [pg.Pool, pg.Pool];
    await Promise.all(
      Array.from({ length: 100 }, async (_, id) => {
        if (id % 2 === 0) await one.query(`SELECT put(${String(id)}, 7)`);
        else await two.query(`SELECT stored FROM put(${String(id)}, 8::bigint, 'two')`);
        // The new column has a value only if the trigger knew whose write it was.
        const seen = await two.query(`SELECT title, n::int FROM t WHERE id = ${String(id)}`);
        expect(seen.rows).toEqual([id % 2 === 0 ? { title: "one", n: 7 } : { title: "two", n: 8 }]);
        expect((await one.query(`SELECT n FROM t WHERE id = ${String(id)}`)).rows).toEqual([{ n: id % 2 === 0 ? 7 : 8 }]);
      }),
    );
    const connected = await postgresDatabase.connections(url, APP);
    expect(connected.map(({ release }) => release)).toEqual([1, 2]);
    await expect(postgresDatabase.lease(pooled, APP)).rejects.toMatchObject({ code: "ERR_DATABASE_SESSION" });
  });

  it("a role that may not make roles is told what an administrator has to run; the password is not in it", async () => {
    const url = await expanded();
    await query(url, "CREATE ROLE plain LOGIN PASSWORD 'secret'");
    onTestFinished(async () => {
      await query(url, "DROP ROLE plain");
    });
    const plain = url.replace("postgres@", "plain:secret@");
    const refused = postgresDatabase.role(plain, await sessionOf(url, 2));
    await expect(refused).rejects.toMatchObject({
      code: "ERR_DATABASE_PRIVILEGE",
      failure: {
        details: [
          "CREATE ROLE hitless_shop_r2 LOGIN INHERIT PASSWORD '…' IN ROLE plain;",
          "ALTER ROLE hitless_shop_r2 SET search_path = hitless_shop_r2, public;",
        ],
      },
    });
    await contractIn(url, 2);
  });
});
