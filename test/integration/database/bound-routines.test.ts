import { expect, it } from "vitest";
import { contractIn, expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
import { query } from "../../support/postgres/server.ts";
import { describeStories, type Story } from "../../support/postgres/story.ts";

const atomic = (head: string, body: string): string => `CREATE FUNCTION ${head} LANGUAGE sql BEGIN ATOMIC ${body}; END;`;

const STORIES: Readonly<Record<string, Story>> = {
  "a column that an unchanged one reads is retyped, and another one calls that": {
    setup: `${atomic("price_of(buyer bigint) RETURNS bigint", "SELECT price::bigint FROM users WHERE id = buyer")}
      ${atomic("a_twice(buyer bigint) RETURNS bigint", "SELECT 2 * price_of(buyer)")}
      REVOKE ALL ON FUNCTION price_of(bigint) FROM PUBLIC; COMMENT ON FUNCTION a_twice(bigint) IS 'twice';`,
    migration: "ALTER TABLE users ALTER COLUMN price TYPE bigint",
    old: async (run, turn) => {
      await run("UPDATE users SET price = $2 WHERE id = $1", [(turn % 9) + 1, turn]);
      await run("SELECT a_twice($1)", [(turn % 9) + 1]);
    },
    next: async (run, turn) => {
      await run("UPDATE users SET price = $2 WHERE id = $1", [(turn % 9) + 100, 1_000_000_000]);
      expect((await run("SELECT a_twice($1) AS twice", [(turn % 9) + 100])).rows).toEqual([{ twice: "2000000000" }]);
    },
    holds: `SELECT a_twice(100) = 2000000000 AND obj_description('a_twice(bigint)'::regprocedure) = 'twice'
      AND NOT has_function_privilege('pg_monitor', 'price_of(bigint)', 'EXECUTE')`,
  },
  "one that reads a column which goes is changed, and keeps who may call it": {
    setup: `${atomic("said(buyer bigint) RETURNS text", "SELECT note FROM users WHERE id = buyer")}
      REVOKE ALL ON FUNCTION said(bigint) FROM PUBLIC; GRANT EXECUTE ON FUNCTION said(bigint) TO pg_monitor;`,
    migration: "ALTER TABLE users DROP COLUMN note",
    procedures: { "said.sql": atomic("said(buyer bigint) RETURNS text", "SELECT name FROM users WHERE id = buyer") },
    old: async (run, turn) => {
      await run("SELECT said($1)", [turn + 1]);
    },
    next: async (run, turn) => {
      await run("SELECT said($1)", [turn + 1]);
    },
    holds: `SELECT said(1) = 'u1' AND has_function_privilege('pg_monitor', 'said(bigint)', 'EXECUTE')
      AND NOT EXISTS (SELECT FROM pg_proc, aclexplode(proacl) a WHERE proname = 'said' AND a.grantee = 0)`,
  },
  "new ones that call each other, whatever their files are called": {
    procedures: {
      "a.sql": atomic("a() RETURNS bigint", "SELECT m() + 1"),
      "m.sql": atomic("m() RETURNS bigint", "SELECT z() + 1"),
      "z.sql": atomic("z() RETURNS bigint", "SELECT count(*) FROM orders"),
    },
    next: async (run) => {
      await run("SELECT a()");
    },
    holds: "SELECT a() = z() + 2",
  },
  "a counter is retyped, through which an unchanged one writes": {
    setup: `CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
      ${atomic("put(what text) RETURNS text", "INSERT INTO items (name) VALUES (what) RETURNING name")}`,
    migration: "ALTER TABLE items ALTER COLUMN id TYPE bigint",
    old: async (run, turn) => {
      await run("SELECT put($1)", [`old${String(turn)}`]);
    },
    next: async (run, turn) => {
      await run("SELECT put($1)", [`next${String(turn)}`]);
      await run("INSERT INTO items (name) VALUES ('next') RETURNING id");
    },
    holds: "SELECT count(*) = count(DISTINCT id) AND count(*) > 100 FROM items",
  },
  "one gets another result, and an unchanged one calls it": {
    setup: `${atomic("many() RETURNS int", "SELECT count(*)::int FROM orders")}
      ${atomic("b_said() RETURNS text", "SELECT 'orders: ' || many()")}`,
    procedures: {
      "many.sql": atomic("many() RETURNS bigint", "SELECT count(*) FROM orders"),
      "b_said.sql": atomic("b_said() RETURNS text", "SELECT 'orders: ' || many()"),
    },
    old: async (run) => {
      await run("SELECT b_said()");
    },
    next: async (run) => {
      await run("SELECT b_said(), many()");
    },
    holds: "SELECT b_said() = 'orders: ' || (SELECT count(*) FROM orders) AND pg_typeof(many()) = 'bigint'::regtype",
  },
  "one is only replaced, and an unchanged one calls it": {
    setup: `${atomic("many() RETURNS bigint", "SELECT count(*) FROM orders")}
      ${atomic("b_said() RETURNS text", "SELECT 'orders: ' || many()")}`,
    procedures: { "many.sql": atomic("many() RETURNS bigint", "SELECT 1000000 + count(*) FROM orders") },
    old: async (run) => {
      await run("SELECT b_said()");
    },
    next: async (run) => {
      expect((await run("SELECT b_said() ~ '^orders: 100' AS new")).rows).toEqual([{ new: true }]);
    },
    holds: "SELECT b_said() ~ '^orders: 100'",
  },
  "a column that an unchanged one reads gets another name": {
    setup: atomic("name_of(buyer bigint) RETURNS text", "SELECT name FROM users WHERE id = buyer"),
    migration: "ALTER TABLE users RENAME COLUMN name TO full_name",
    next: async (run, turn) => {
      await run("SELECT name_of($1)", [turn + 1]);
    },
    holds: "SELECT name_of(1) = 'u1'",
  },
  "it reads a view that changes with its table": {
    setup: `CREATE VIEW prices AS SELECT id, price FROM users;
      ${atomic("dear() RETURNS bigint", "SELECT count(*) FROM prices WHERE price > 1000")}`,
    migration: `ALTER TABLE users ALTER COLUMN price TYPE bigint`,
    procedures: { "prices.sql": "CREATE VIEW prices AS SELECT id, price FROM users;" },
    old: async (run) => {
      await run("SELECT dear()");
    },
    next: async (run) => {
      await run("SELECT dear(), (SELECT count(*) FROM prices)");
    },
    holds: "SELECT dear() = (SELECT count(*) FROM users WHERE price > 1000)",
  },
};

describeStories("routines whose body is bound (BEGIN ATOMIC)", STORIES, (server) => {
  it("a caller of an unchanged one gets what its release's other routines say", async () => {
    const url = await server().database();
    await query(url, `${atomic("tax() RETURNS int", "SELECT 1")} ${atomic("all_taxes() RETURNS int", "SELECT tax() + tax()")}`);
    await expandIn(url, await planOf(url, 2, { procedures: { "tax.sql": atomic("tax() RETURNS int", "SELECT 5") } }));
    const taxes = async (release: number): Promise<unknown> =>
      (await query(await urlOf(url, release), "SELECT all_taxes() AS n"))[0];
    expect([await taxes(1), await taxes(2)]).toEqual([{ n: 2 }, { n: 10 }]);
    await contractIn(url, 2);
    expect(await taxes(2)).toEqual({ n: 10 });
  });
});
