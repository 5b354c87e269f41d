import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { tryPlan } from "../../../src/engine/database/trial.ts";
import { contractIn, expandIn, planOf, softenIn, urlOf, type ReleaseSources } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

/** Owner, privileges and comment of each view and routine of the base, by its name. */
const CARRIED = `
  SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
         (SELECT json_agg(a::text ORDER BY a::text) FROM unnest(COALESCE(c.relacl, acldefault('r', c.relowner))) a) AS acl
  FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT p.proname, pg_get_userbyid(p.proowner), obj_description(p.oid, 'pg_proc'),
         (SELECT json_agg(a::text ORDER BY a::text) FROM unnest(COALESCE(p.proacl, acldefault('f', p.proowner))) a)
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1`;

const ROLES = "CREATE ROLE keeper; CREATE ROLE web LOGIN; CREATE ROLE stranger LOGIN;";

describe("what is made anew keeps its owner, its grants and its comment", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
    await query(await server.database(), ROLES);
  }, 60_000);
  afterAll(() => server.stop());

  const as = (role: string, url: string): string => url.replace("postgres@", `${role}@`);
  const carried = (url: string): Promise<unknown> => query(url, CARRIED);
  async function expanded(setup: string, sources: ReleaseSources): Promise<{ url: string; next: string }> {
    const url = await server.database();
    await query(url, setup);
    const plan = await planOf(url, 2, sources);
    expect(plan.refusals).toEqual([]);
    const tried = await tryPlan(postgresShadows, {
      plan,
      catalog: await postgresDatabase.catalog(url),
      corpora: { running: [], next: [] },
      shadowUrl: url,
    });
    expect(tried.plan.refusals).toEqual([]);
    await expandIn(url, plan);
    return { url, next: await urlOf(url, 2) };
  }

  const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'one');`;

  it("a view, whose readers go on reading it in the new release and after the contract", async () => {
    const { url, next } = await expanded(
      `${ITEMS} GRANT SELECT ON items TO keeper;
       CREATE VIEW names AS SELECT id, name FROM items; ALTER VIEW names OWNER TO keeper;
       GRANT SELECT ON names TO web WITH GRANT OPTION; GRANT UPDATE (name) ON names TO web;
       COMMENT ON VIEW names IS 'of items'; COMMENT ON COLUMN names.id IS 'its number';`,
      { migration: "CREATE OR REPLACE VIEW names AS SELECT name || '!' AS name, id FROM items;" },
    );
    const before = await carried(url);
    const read = "SELECT name FROM names";
    expect(await query(as("web", next), read)).toEqual([{ name: "one!" }]);
    await expect(query(as("stranger", next), read)).rejects.toThrow("permission denied");
    await contractIn(url, 2);
    expect(await query(as("web", next), read)).toEqual([{ name: "one!" }]);
    expect(await carried(url)).toEqual(before);
    expect(
      await query(
        url,
        "SELECT col_description('names'::regclass, 2) AS comment, attacl::text FROM pg_attribute WHERE attrelid = 'names'::regclass AND attname = 'name'",
      ),
    ).toEqual([{ comment: "its number", attacl: "{web=w/keeper}" }]);
  });

  it.each(["", "WITH (security_invoker = false)", "WITH (security_invoker = 0)"])(
    "a view %s of a table that the release sees differently, whose readers may not read that",
    async (options) => {
      const view = `CREATE OR REPLACE VIEW names ${options} AS SELECT id, name FROM items;`;
      const { url, next } = await expanded(
        `${ITEMS} GRANT SELECT ON items TO keeper; ${view} ALTER VIEW names OWNER TO keeper; GRANT SELECT ON names TO web;`,
        { migration: `ALTER TABLE items ALTER COLUMN id TYPE bigint; ${view}` },
      );
      const read = "SELECT id::int FROM names";
      expect(await query(as("web", next), read)).toEqual([{ id: 1 }]);
      await contractIn(url, 2);
      expect(await query(as("web", url), read)).toEqual([{ id: 1 }]);
    },
  );

  it("a view that triggers write through, and views that read each other", async () => {
    const { url, next } = await expanded(
      `${ITEMS} CREATE VIEW names AS SELECT id, upper(name) AS name FROM items; CREATE VIEW loud AS SELECT name FROM names;
       CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO items VALUES (NEW.id, NEW.name); RETURN NEW; END $$;
       CREATE TRIGGER puts INSTEAD OF INSERT ON names FOR EACH ROW EXECUTE FUNCTION put();
       GRANT SELECT ON loud TO web; GRANT INSERT ON names TO web; GRANT INSERT ON items TO web;`,
      {
        procedures: {
          "a_loud.sql": "CREATE VIEW loud AS SELECT name || '!' AS name FROM names;",
          "names.sql": "CREATE VIEW names AS SELECT name AS name, id FROM items;",
        },
      },
    );
    await query(as("web", next), "INSERT INTO names (id, name) VALUES (2, 'two')");
    expect(await query(as("web", next), "SELECT name FROM loud ORDER BY 1")).toEqual([{ name: "one!" }, { name: "two!" }]);
    await contractIn(url, 2);
    await query(as("web", next), "INSERT INTO names (id, name) VALUES (3, 'three')");
    expect(await query(as("web", url), "SELECT name FROM loud ORDER BY 1")).toHaveLength(3);
  });

  const ROUTINES = `
    ${ITEMS}
    CREATE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM items';
    CREATE FUNCTION find(it int) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT name FROM items WHERE id = it';
    CREATE FUNCTION body(it int) RETURNS int LANGUAGE sql AS 'SELECT it';
    CREATE PROCEDURE put(it int, what text) LANGUAGE sql AS 'INSERT INTO items VALUES (it, what)';
    GRANT SELECT, INSERT ON items TO keeper;
    REVOKE ALL ON ROUTINE total, find, body, put FROM PUBLIC;
    GRANT EXECUTE ON ROUTINE total, find, body, put TO web;
    ALTER ROUTINE find OWNER TO keeper;
    COMMENT ON ROUTINE total IS 'how many'; COMMENT ON ROUTINE find IS 'by number'; COMMENT ON ROUTINE body IS 'same'; COMMENT ON ROUTINE put IS 'one more';
    GRANT SELECT, INSERT ON items TO web;`;
  const NEXT = {
    procedures: {
      "total.sql": "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) + 100 FROM items';",
      "find.sql":
        "CREATE FUNCTION find(it int, say text DEFAULT '?') RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT name || say FROM items WHERE id = it';",
      "body.sql": "CREATE FUNCTION body(it int) RETURNS int LANGUAGE sql AS 'SELECT it + 1';",
      "put.sql": "CREATE PROCEDURE put(number int, what text) LANGUAGE sql AS 'INSERT INTO items VALUES (number, what)';",
    },
  };
  const calls = ["SELECT total()", "SELECT find(1)", "SELECT body(1)", "CALL put(2, 'two')"];
  const callAll = async (url: string): Promise<void> => {
    expect(await query(as("web", url), "SELECT total() AS t, find(1) AS f, body(1) AS b")).toEqual([
      { t: "101", f: "one?", b: 2 },
    ]);
    await query(as("web", url), "CALL put(2, 'two')");
    await query(url, "DELETE FROM items WHERE id = 2");
    for (const call of calls) await expect(query(as("stranger", url), call), call).rejects.toThrow("permission denied");
  };

  it("functions and procedures, also with another result, other names of arguments, or another argument", async () => {
    const { url, next } = await expanded(ROUTINES, NEXT);
    const before = await carried(url);
    await callAll(next);
    await contractIn(url, 2);
    await callAll(next);
    expect(await carried(url)).toEqual(before);
    expect(await query(url, "SELECT proconfig FROM pg_proc WHERE proname = 'find'")).toEqual([
      { proconfig: ["search_path=public"] },
    ]);
  });

  it("so also while a soft contract lasts, whose grants outlive it, and when it is undone", async () => {
    const { url, next } = await expanded(ROUTINES, NEXT);
    const before = await carried(url);
    await softenIn(url, 2);
    expect(await query(url, `SELECT * FROM (${CARRIED}) all_of WHERE name !~ '^hitless_kept'`)).toEqual(before);
    await callAll(url);
    await callAll(next);
    await query(url, "GRANT EXECUTE ON ROUTINE total, put TO stranger; REVOKE EXECUTE ON ROUTINE find FROM web");
    const changed = await query(url, `SELECT * FROM (${CARRIED}) all_of WHERE name !~ '^hitless_kept'`);
    await contractIn(url, 2);
    expect(await carried(url)).toEqual(changed);
  });

  it("a routine with its own search_path that only gets a copy for the new release", async () => {
    const { url, next } = await expanded(ROUTINES, {
      migration: "ALTER TABLE items ADD COLUMN n int; ALTER TABLE items RENAME COLUMN n TO m;",
    });
    expect(await query(as("web", next), "SELECT find(1)")).toEqual([{ find: "one" }]);
    await expect(query(as("stranger", next), "SELECT find(1)")).rejects.toThrow("permission denied");
    await contractIn(url, 2);
    expect(await query(as("web", next), "SELECT find(1)")).toEqual([{ find: "one" }]);
  });

  it("what the migration itself grants and says about new views and routines", async () => {
    const { url, next } = await expanded(ITEMS, {
      migration: `ALTER TABLE items RENAME COLUMN name TO title;
        CREATE VIEW titles AS SELECT title FROM items; CREATE VIEW plain AS SELECT 1 AS one; GRANT SELECT ON titles, plain TO web; COMMENT ON VIEW public.titles IS 'new';
        CREATE FUNCTION safe() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT count(title) FROM items';
        REVOKE ALL ON FUNCTION safe() FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.safe() TO web;`,
      procedures: {
        "said.sql": "CREATE FUNCTION said() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION said() IS 'said';",
      },
    });
    const all = async (at: string): Promise<void> => {
      expect(await query(as("web", at), "SELECT title, one, safe() FROM titles, plain")).toEqual([
        { title: "one", one: 1, safe: "1" },
      ]);
      await expect(query(as("stranger", at), "SELECT safe()")).rejects.toThrow("permission denied");
    };
    await all(next);
    await contractIn(url, 2);
    await all(next);
    expect(await query(url, "SELECT obj_description('titles'::regclass) AS t, obj_description('said'::regproc) AS s")).toEqual([
      { t: "new", s: "said" },
    ]);
  });

  it("a table that is seen through a view: by its owner, and by who may use some of its columns, retyped ones too", async () => {
    const { url, next } = await expanded(
      `${ITEMS} ALTER TABLE items ADD COLUMN price int; COMMENT ON COLUMN items.price IS 'in cents'; ALTER TABLE items OWNER TO web;
       GRANT SELECT (id, name, price), UPDATE (name, price) ON items TO stranger;`,
      { migration: "ALTER TABLE items RENAME COLUMN name TO title; ALTER TABLE items ALTER COLUMN price TYPE bigint;" },
    );
    const use = async (): Promise<void> => {
      await query(as("web", next), "INSERT INTO items (id, title) VALUES (2, 'two'); DELETE FROM items WHERE id = 2");
      const update = "UPDATE items SET title = 'first', price = 5 WHERE id = 1 RETURNING price";
      expect(await query(as("stranger", next), update)).toEqual([{ price: "5" }]);
      await expect(query(as("stranger", next), "UPDATE items SET id = 5")).rejects.toThrow("permission denied");
    };
    await use();
    await contractIn(url, 2);
    await use();
    expect(
      await query(
        url,
        "SELECT col_description('items'::regclass, attnum) AS said FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'price'",
      ),
    ).toEqual([{ said: "in cents" }]);
  });
});
