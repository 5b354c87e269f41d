import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadSqlLanguage } from "../../../src/adapters/postgres/language.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { countedStatements, readStatementFiles, type ClientStatement } from "../../../src/database/proof/corpus.ts";
import { tryPlan, type Trial } from "../../../src/engine/database/trial.ts";
import { planOf, type ReleaseSources } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const language = await loadSqlLanguage();

/** Of everything that a copy has to make, one. */
const SETUP = `
  CREATE SCHEMA extra;
  CREATE EXTENSION pg_trgm SCHEMA extra;
  CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('good', 'it''s fine');
  CREATE TYPE place AS (street text, number int);
  CREATE DOMAIN amount AS numeric(10, 2) DEFAULT 0 CHECK (VALUE >= 0);
  CREATE SEQUENCE numbers AS int;
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
  CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number int DEFAULT nextval('numbers'), name varchar(20) NOT NULL, "Mail" citext UNIQUE,
    feeling mood NOT NULL DEFAULT 'good', home place, sum amount, state text CHECK (state IN ('new', 'old')), price int CHECK (price > 100),
    twice int GENERATED ALWAYS AS (twice(price)) STORED, tags text[] NOT NULL DEFAULT '{}', data jsonb, flag boolean, at timestamptz DEFAULT now());
  ALTER SEQUENCE numbers OWNED BY users.number;
  CREATE INDEX by_name ON users USING gin (name extra.gin_trgm_ops) WHERE state = 'new';
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE, EXCLUDE USING btree (id WITH =));
  CREATE TABLE parts (id int NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE VIEW rich AS SELECT u.id, count(*) AS orders FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1;
  CREATE MATERIALIZED VIEW totals AS SELECT id FROM rich;
  CREATE UNIQUE INDEX ON totals (id);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$;
  CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
  ALTER TABLE users ENABLE ROW LEVEL SECURITY;
  CREATE POLICY everybody ON users USING (true);
  CREATE FUNCTION ones() RETURNS SETOF orders LANGUAGE sql BEGIN ATOMIC SELECT o.* FROM orders o; END;
  CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
  ALTER TABLE users ADD CONSTRAINT later CHECK (number >= 0) NOT VALID;
  INSERT INTO users (name) SELECT 'u' FROM generate_series(1, 20000); ANALYZE users;`;

describe("a copy of a database", () => {
  let server: TestServer;
  let url = "";
  // An empty database is kept from one run to the next.
  const cache = mkdtempSync(join(tmpdir(), "hl-cache-"));
  beforeAll(async () => {
    vi.stubEnv("XDG_CACHE_HOME", cache);
    server = await startServer(18);
    url = await server.database();
    await query(url, SETUP);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true, force: true });
  });

  const tried = async (
    sources: ReleaseSources,
    corpora: Partial<Record<"running" | "next", string>> = {},
    inProcess = false,
  ): Promise<Trial> =>
    tryPlan(postgresShadows, {
      plan: await planOf(url, 2, sources),
      catalog: await postgresDatabase.catalog(url),
      corpora: { running: statements(corpora.running ?? ""), next: statements(corpora.next ?? "") },
      shadowUrl: inProcess ? null : url,
    });

  it.each([
    ["in this process", true],
    ["on a server", false],
  ])("%s has everything that the real one has, and shows what each step locks", { timeout: 120_000 }, async (_, inProcess) => {
    const migration = "ALTER TABLE users ADD COLUMN age int; ALTER TABLE parts ADD COLUMN size int; DROP INDEX by_name;";
    const trial = await tried({ migration }, {}, inProcess);
    expect(trial.gaps).toEqual([]);
    expect(trial.plan.refusals).toEqual([]);
    expect(trial.about).toMatch(/^PostgreSQL 18\.\d+ (in this process|at 127\.0\.0\.1:\d+)$/);
    expect(trial.plan.actions.slice(0, 2).map(({ measured }) => measured)).toEqual([
      [{ table: "public.users", lock: "ACCESS EXCLUSIVE", work: "instant" }],
      [
        { table: "public.parts", lock: "ACCESS EXCLUSIVE", work: "instant" },
        { table: "public.parts_1", lock: "ACCESS EXCLUSIVE", work: "instant" },
      ],
    ]);
    expect(await query(url, "SELECT datname FROM pg_database WHERE datname ~ '^hitless_shadow'")).toEqual([]);
  });

  it("finds an expression that has the wrong type before anything is applied", async () => {
    const trial = await tried({ migration: "-- hitless: up users.age = name\nALTER TABLE users ADD COLUMN age int;" });
    expect(trial.plan.refusals).toMatchObject([
      { rule: "does-not-run", position: { line: 2 }, why: expect.stringContaining('column "age" is of type integer') as string },
    ]);
    expect(await query(url, "SELECT 1 FROM information_schema.columns WHERE column_name = 'age'")).toEqual([]);
  });

  it.each([
    ["in this process", true],
    ["on a server", false],
  ])(
    "names what depends on a column that the contract drops, and knows a column called role from a role, %s",
    async (_, inProcess) => {
      const shadowUrl = inProcess ? null : url;
      const own = await server.database();
      await query(own, "CREATE TABLE staff (id int PRIMARY KEY, role int); CREATE POLICY boss ON staff USING (role > 1)");
      const found = await tryPlan(postgresShadows, {
        plan: await planOf(own, 2, {
          migration: `CREATE TABLE other (id int);
ALTER TABLE staff ADD COLUMN more int;
ALTER TABLE staff ALTER COLUMN role TYPE bigint`,
        }),
        catalog: await postgresDatabase.catalog(own),
        corpora: { running: [], next: [] },
        shadowUrl,
      });
      expect(found.plan.refusals.map(({ rule, why }) => `${rule}: ${why}`)).toEqual([
        expect.stringMatching(
          /^does-not-run: .*cannot drop column role of table staff .*; policy boss on table staff depends on column role/,
        ),
      ]);
      expect(found.plan.refusals[0]?.position).toMatchObject({ path: "m.sql", line: 3 });
    },
  );

  it("names the line of an INSERT that does not run, among many that are one step", async () => {
    const rows = (from: number): string =>
      Array.from({ length: 20 }, (_, index) => `INSERT INTO seeds VALUES (${String(from + index)});`).join("\n");
    const trial = await tried({
      migration: `CREATE TABLE seeds (id int PRIMARY KEY);\n${rows(0)}\nINSERT INTO seeds (nothing) VALUES (7);\n${rows(20)}`,
    });
    expect(trial.plan.refusals).toMatchObject([
      { rule: "does-not-run", position: { line: 22 }, statement: "INSERT INTO seeds (nothing) VALUES (7)" },
    ]);
  });

  it("refuses what holds others up for as long as the table is large, whatever the rules say", async () => {
    const refresh = "-- hitless: accept refresh because it is small\nREFRESH MATERIALIZED VIEW totals;";
    expect((await tried({ migration: refresh })).plan.refusals).toEqual([]);
    const query_ = "SELECT set_config('lock_timeout', '1s', true), (SELECT count(*) FROM users FOR UPDATE);";
    expect((await tried({ migration: query_ })).plan.refusals).toMatchObject([{ rule: "does-not-run" }]);
  });

  it("leaves nothing on the server when it cannot be made", async () => {
    const request = { url, extensions: [], searchPath: ["public"], timeZone: "Nowhere/Never" };
    await expect(postgresShadows.open(request)).rejects.toThrow(/Nowhere\/Never/);
    expect(await query(url, "SELECT datname FROM pg_database WHERE datname LIKE 'hitless_shadow_%'")).toEqual([]);
  });

  it("proves that the statements of both releases fit, n of n", async () => {
    const migration = "ALTER TABLE users RENAME COLUMN name TO label; ALTER TABLE users ADD COLUMN age int;";
    const { proof, plan } = await tried(
      { migration },
      {
        running: "SELECT name FROM users WHERE id = $1; SELECT * FROM users; SELECT nothing FROM users; BEGIN; CALL nothing(1);",
        next: "UPDATE users SET label = $1, age = $2 WHERE id = $3; SELECT label FROM users;",
      },
    );
    expect(plan.refusals).toEqual([]);
    expect(proof.sides.map(({ side, fit, of, unjudged, changed }) => [side, fit, of, unjudged.length, changed.length])).toEqual([
      ["running", 2, 2, 2, 1],
      ["new", 2, 2, 0, 0],
      ["new, after the contract", 2, 2, 0, 0],
    ]);
    const broken = await tried(
      { migration: "ALTER TABLE users RENAME COLUMN name TO label;" },
      { running: "SELECT name FROM users", next: "SELECT label FROM users;\nSELECT name FROM users" },
    );
    expect(broken.proof.sides[1]).toMatchObject({ fit: 1, of: 2 });
    expect(broken.plan.refusals[0]).toMatchObject({
      rule: "release-breaks",
      position: { path: "q.sql", line: 2 },
      why: expect.stringContaining('column "name" does not exist') as string,
    });
  });
});

function statements(text: string): readonly ClientStatement[] {
  return readStatementFiles(language, [{ path: "q.sql", text, sha256: "" }]).statements;
}

describe("statements that PostgreSQL has counted", () => {
  it("are those of clients that can be prepared", () => {
    const texts = ["SELECT $1 FROM users", "SELECT (", "BEGIN", "SELECT relname FROM pg_class", "CALL act($1)"];
    expect(countedStatements(language, texts).map(({ sql }) => sql)).toEqual(["SELECT $1 FROM users", "CALL act($1)"]);
  });
});
