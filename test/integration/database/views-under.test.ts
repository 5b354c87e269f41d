import { expect, it } from "vitest";
import { planOf } from "../../support/postgres/release.ts";
import { query } from "../../support/postgres/server.ts";
import { describeStories, type Story } from "../../support/postgres/story.ts";

const TYPE = (view: string): string =>
  `(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '${view}'::regclass AND attname = 'price') = 'bigint'`;

/** Of views of which the release says nothing. */
const STORIES: Readonly<Record<string, Story>> = {
  "a view and one that reads it, of a column that is retyped": {
    setup: `CREATE VIEW prices WITH (check_option = 'local', security_barrier = true) AS SELECT id, name, price FROM users WHERE price >= 0;
      ALTER VIEW prices ALTER COLUMN price SET DEFAULT 77; GRANT SELECT ON prices TO pg_monitor; COMMENT ON VIEW prices IS 'of users';
      CREATE VIEW dear AS SELECT id, price FROM prices WHERE price > 1000;`,
    migration: "ALTER TABLE users ALTER COLUMN price TYPE bigint;",
    old: async (run, turn) => {
      await run("INSERT INTO prices (name) VALUES ('old')");
      await run("UPDATE users SET price = $2 WHERE id = $1", [(turn % 9) + 1, turn]);
      await run("SELECT id, price FROM dear");
    },
    next: async (run, turn) => {
      expect((await run("INSERT INTO prices (name) VALUES ('next') RETURNING price")).rows).toEqual([{ price: "77" }]);
      await run("UPDATE prices SET price = $2 WHERE id = $1", [(turn % 9) + 20, turn]);
      await expect(run("UPDATE prices SET price = -1 WHERE id = 20")).rejects.toThrow("check option");
      await run("SELECT id, price FROM dear");
    },
    holds: `SELECT ${TYPE("prices")} AND ${TYPE("dear")} AND has_table_privilege('pg_monitor', 'prices', 'SELECT')
      AND obj_description('prices'::regclass) = 'of users'
      AND (SELECT reloptions @> '{check_option=local,security_barrier=true}' FROM pg_class WHERE oid = 'prices'::regclass)`,
  },
  "a view that a bound routine reads": {
    setup: `CREATE VIEW prices AS SELECT id, price FROM users;
      CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(price)::bigint FROM prices; END;`,
    migration: "ALTER TABLE users ALTER COLUMN price TYPE bigint;",
    next: async (run) => {
      await run("SELECT total()");
    },
    holds: "SELECT total() = (SELECT sum(price) FROM users)",
  },
};

describeStories("views of which a release says nothing", STORIES, (server) => {
  it("where the column goes, or rows of its own would have to be made again, it is said what to write", async () => {
    const url = await server().database();
    await query(
      url,
      `CREATE TABLE t (id int PRIMARY KEY, price int, note text); CREATE VIEW notes AS SELECT note FROM t;
       CREATE MATERIALIZED VIEW prices AS SELECT price FROM t;`,
    );
    const { notices } = await planOf(url, 2, {
      migration: "ALTER TABLE t DROP COLUMN note; ALTER TABLE t ALTER COLUMN price TYPE bigint;",
    });
    const said = notices.filter(({ rule }) => rule === "view-on-dropped-column").map(({ text }) => text);
    expect(said).toEqual([
      expect.stringMatching(
        /^view notes reads t.note, .*: write CREATE OR REPLACE VIEW public.notes AS …; or DROP VIEW public.notes; in/,
      ),
      expect.stringMatching(/^materialized view prices reads t.price, .*: write DROP MATERIALIZED VIEW public.prices; in/),
    ]);
  });
});
