import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RuleId } from "../../../src/database/rules/rule-ids.ts";
import type { Turn } from "../../support/postgres/clients.ts";
import { planOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { hasColumn, tell, usersDatabase, type Story } from "../../support/postgres/story.ts";

/** What has no safe form, and a story in which the developer writes what the refusal says instead. */
interface Refused {
  readonly setup?: string;
  readonly migration: string;
  readonly rule: RuleId;
  readonly says: RegExp;
  readonly instead?: Story;
}

const DOMAIN = "CREATE DOMAIN amount AS int; ALTER TABLE users ADD COLUMN a amount;";
const MOOD = "CREATE TYPE mood AS ENUM ('good'); ALTER TABLE users ADD COLUMN m mood DEFAULT 'good';";

const writesAmounts: Turn = async (run, turn) => {
  const { rows } = await run("INSERT INTO users (name, a) VALUES ('n', $1) RETURNING id", [turn + 1]);
  await run("UPDATE users SET a = a + 1 WHERE id = $1", [(rows as { id: string }[])[0]!.id]);
};

const REFUSED: Readonly<Record<string, Refused>> = {
  "36 add an exclusion constraint": {
    migration: "ALTER TABLE orders ADD CONSTRAINT one_at EXCLUDE (at WITH =);",
    rule: "exclude-constraint",
    says: /LIKE public\.orders INCLUDING ALL.*ADD CONSTRAINT one_at EXCLUDE/s,
    instead: {
      migration:
        "CREATE TABLE orders_new (LIKE orders INCLUDING ALL); ALTER TABLE orders_new ADD CONSTRAINT one_at EXCLUDE (at WITH =);",
      next: async (run, turn) => {
        await run("INSERT INTO orders_new (id, at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING", [-turn]);
      },
      holds: "SELECT count(*) = 1 FROM pg_constraint WHERE conname = 'one_at'",
    },
  },
  "44 cluster": {
    migration: "CLUSTER users USING users_pkey;",
    rule: "rewrite",
    says: /pg_repack.*\nCREATE TABLE public\.users_new/s,
  },
  "44 vacuum full": { migration: "VACUUM FULL users;", rule: "rewrite", says: /pg_repack/ },
  "45 set unlogged": { migration: "ALTER TABLE orders SET UNLOGGED;", rule: "rewrite", says: /writes both/ },
  "45 set logged": {
    setup: "CREATE UNLOGGED TABLE quick (id int);",
    migration: "ALTER TABLE quick SET LOGGED;",
    rule: "rewrite",
    says: /writes both/,
  },
  "52 truncate": {
    migration: "TRUNCATE orders;",
    rule: "truncate",
    says: /DELETE FROM public\.orders;.*phase=contract/,
    instead: { migration: "-- hitless: phase=contract\nDELETE FROM orders;", holds: "SELECT count(*) = 0 FROM orders" },
  },
  "59 rename a value of an enum": {
    setup: MOOD,
    migration: "ALTER TYPE mood RENAME VALUE 'good' TO 'fine';",
    rule: "enum-rename-value",
    says: /ALTER TYPE mood ADD VALUE 'fine';/,
    instead: {
      setup: MOOD,
      migration: "ALTER TYPE mood ADD VALUE 'fine';",
      old: async (run) => {
        await run("SELECT count(*) FROM users WHERE m = 'good'");
      },
      next: async (run) => {
        await run("INSERT INTO users (name, m) VALUES ('n', 'fine')");
      },
      holds: "SELECT count(*) > 0 FROM users WHERE m = 'fine'",
    },
  },
  "59 rename a type": {
    setup: MOOD,
    migration: "ALTER TYPE mood RENAME TO humour;",
    rule: "rename",
    says: /CREATE TYPE humour AS ENUM \('good'\);/,
    instead: {
      setup: MOOD,
      migration: `CREATE TYPE humour AS ENUM ('good');
-- hitless: up users.m = m::text::humour
-- hitless: down users.m = m::text::mood
ALTER TABLE public.users ALTER COLUMN m TYPE humour;
DROP TYPE mood;`,
      old: async (run, turn) => {
        await run("INSERT INTO users (name) VALUES ('o')");
        await run("UPDATE users SET m = 'good'::mood WHERE id = $1 AND m = 'good'::mood", [turn % 3000]);
      },
      next: async (run) => {
        const { rows } = await run("INSERT INTO users (name) VALUES ('n') RETURNING id, m");
        const [{ id, m }] = rows as [{ id: string; m: string }];
        expect(m).toBe("good");
        await run("UPDATE users SET m = 'good'::humour WHERE id = $1 AND m = 'good'::humour", [id]);
      },
      holds: `SELECT (${hasColumn("users", "m", "udt_name = 'humour' AND column_default IS NOT NULL")}) AND to_regtype('mood') IS NULL`,
    },
  },
  "61 add a check to a domain in use": {
    setup: DOMAIN,
    migration: "ALTER DOMAIN amount ADD CONSTRAINT positive CHECK (VALUE > 0);",
    rule: "domain-constraint",
    says: /ALTER TABLE public\.users ADD CONSTRAINT users_a_positive CHECK \(a > 0\);/,
    instead: {
      setup: DOMAIN,
      migration: "ALTER TABLE public.users ADD CONSTRAINT users_a_positive CHECK (a > 0);",
      next: writesAmounts,
      holds: "SELECT convalidated FROM pg_constraint WHERE conname = 'users_a_positive'",
    },
  },
  "61 validate a check of a domain in use": {
    setup: `${DOMAIN} ALTER DOMAIN amount ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;`,
    migration: "ALTER DOMAIN amount VALIDATE CONSTRAINT positive;",
    rule: "domain-constraint",
    says: /ALTER TABLE public\.users ADD CONSTRAINT users_a_check CHECK \(<what it says of a>\);/,
    instead: {
      setup: `${DOMAIN} INSERT INTO users (name, a) VALUES ('old', 5); ALTER DOMAIN amount ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;`,
      migration: "ALTER TABLE public.users ADD CONSTRAINT users_a_check CHECK (a > 0);",
      old: writesAmounts,
      next: writesAmounts,
      holds: "SELECT convalidated FROM pg_constraint WHERE conname = 'users_a_check'",
    },
  },
  "15 make a column that may be null mandatory, of a table whose name has capitals": {
    setup: `CREATE TABLE "User" (id bigint PRIMARY KEY, "full Name" text);`,
    migration: `ALTER TABLE "User" ALTER COLUMN "full Name" SET NOT NULL;`,
    rule: "set-not-null",
    says: /-- hitless: up "User"\."full Name" = /,
    instead: {
      setup: `CREATE TABLE "User" (id bigint PRIMARY KEY, "full Name" text); INSERT INTO "User" (id) VALUES (1);`,
      migration: `-- hitless: up "User"."full Name" = 'none'\nALTER TABLE "User" ALTER COLUMN "full Name" SET NOT NULL;`,
      holds: `SELECT "full Name" = 'none' FROM "User"`,
    },
  },
  "13 rename a column of a table that is not in the search_path": {
    setup: "CREATE SCHEMA archive; CREATE TABLE archive.letters (id bigint PRIMARY KEY, body text);",
    migration: "ALTER TABLE archive.letters RENAME COLUMN body TO words;",
    rule: "hidden-table",
    says: /SET search_path = public, archive;/,
  },
  "13 rename a column of a table that another one of its name stands before": {
    setup: "CREATE SCHEMA archive; CREATE TABLE archive.users (id bigint PRIMARY KEY, mail text);",
    migration: "-- hitless: accept hidden-table because nobody looks\nALTER TABLE archive.users RENAME COLUMN mail TO address;",
    rule: "hidden-table",
    says: /a name of its own/,
  },
  "71 change a function of another schema": {
    setup: "CREATE SCHEMA archive; CREATE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    migration: "CREATE OR REPLACE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 2';",
    rule: "hidden-routine",
    says: /give the new one another name/,
    instead: {
      setup: "CREATE SCHEMA archive; CREATE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 1';",
      migration: `CREATE FUNCTION archive.one_more() RETURNS int LANGUAGE sql AS 'SELECT 2';
        COMMENT ON FUNCTION archive.one_more() IS 'two'; GRANT EXECUTE ON FUNCTION archive.one_more() TO PUBLIC;
        CREATE VIEW archive.more AS SELECT archive.one_more() AS n;
        -- hitless: accept hidden-routine because both do
        CREATE OR REPLACE FUNCTION archive.next() RETURNS int LANGUAGE sql AS 'SELECT 3';`,
      old: async (run) => {
        expect((await run("SELECT archive.next() IN (1, 3) AS ok")).rows).toEqual([{ ok: true }]);
      },
      next: async (run) => {
        expect((await run("SELECT archive.one_more(), n FROM archive.more")).rows).toEqual([{ one_more: 2, n: 2 }]);
      },
      holds:
        "SELECT archive.next() = 3 AND (SELECT n = 2 FROM archive.more) AND NOT EXISTS (SELECT FROM pg_proc WHERE proname IN ('next', 'one_more') AND pronamespace = 'public'::regnamespace)",
    },
  },
  "67 make a rule": {
    migration: "CREATE RULE keep AS ON DELETE TO users DO INSTEAD NOTHING;",
    rule: "rule",
    says: /CREATE TRIGGER/,
    instead: {
      migration:
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER keep BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep();",
      old: async (run) => {
        const { rows } = await run("INSERT INTO users (name) VALUES ('gone') RETURNING id");
        expect((await run("DELETE FROM users WHERE id = $1", [(rows as { id: string }[])[0]!.id])).rowCount).toBe(1);
      },
      next: async (run) => {
        expect((await run("DELETE FROM users WHERE id = 2000")).rowCount).toBe(0);
      },
    },
  },
};

describe.each([18, 15] as const)("what has no safe form, on PostgreSQL %i", (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(major);
  }, 60_000);
  afterAll(() => server.stop());

  it.each(Object.entries(REFUSED))(
    "%s is refused with what to write",
    async (_, { setup = "", migration, rule, says, instead }) => {
      const url = await usersDatabase(server);
      await query(url, setup);
      const { refusals } = await planOf(url, 2, { migration });
      expect(refusals.map((refusal) => refusal.rule)).toEqual([rule]);
      expect(refusals[0]!.write.join("\n")).toMatch(says);
      if (instead !== undefined) await tell(server, instead);
    },
  );

  it("an annotation for which no statement asks is told, as it fills nothing", async () => {
    const url = await usersDatabase(server);
    const migration = "-- hitless: up users.full_nmae = name\nALTER TABLE users ADD COLUMN full_name text;";
    const { refusals, notices } = await planOf(url, 2, { migration });
    expect(refusals).toEqual([]);
    expect(notices).toEqual([
      {
        rule: "annotation",
        position: expect.objectContaining({ line: 1 }) as unknown,
        text: expect.stringContaining("`up users.full_nmae`") as string,
      },
    ]);
    const right = await planOf(url, 2, { migration: migration.replace("nmae", "name") });
    expect(right.notices).toEqual([]);
  });
});
