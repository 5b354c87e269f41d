import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { HitlessError } from "../../../src/base/error.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { contract, expand, revert } from "../../../src/engine/database/runner.ts";
import type { StepRunner } from "../../../src/engine/database/steps.ts";
import { allCuts, cuttable, Wire } from "../../support/postgres/cuttable.ts";
import { contractIn, expandIn, planOf, withRunner, type ReleaseSources } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP = `
  CREATE TYPE mood AS ENUM ('good');
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL DEFAULT 1, mail text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int, at date NOT NULL DEFAULT '2024-05-05');
  CREATE INDEX by_user ON orders (user_id);
  INSERT INTO users SELECT i, 'u' || i, i, 'm' || i FROM generate_series(1, 300) i;
  INSERT INTO orders (user_id) SELECT id FROM users;
  CREATE TABLE parts (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE VIEW names AS SELECT id, name FROM users;
  CREATE FUNCTION price_of(who int) RETURNS int LANGUAGE sql AS 'SELECT price FROM users WHERE id = who';
  CREATE FUNCTION dear(who int) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT price > 9 FROM users WHERE id = who; END;
  CREATE FUNCTION mail_of(who int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT mail FROM users WHERE id = who; END;
  CREATE VIEW prices AS SELECT id, price FROM users;
  ANALYZE;`;

const KINDS: Readonly<Record<string, ReleaseSources>> = {
  "a check": { migration: "-- hitless: phase=expand\nALTER TABLE users ADD CONSTRAINT positive CHECK (price > 0);" },
  "a foreign key": {
    migration: "-- hitless: phase=expand\nALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users (id);",
  },
  "a unique constraint": { migration: "-- hitless: phase=expand\nALTER TABLE users ADD CONSTRAINT one_mail UNIQUE (mail);" },
  "indexes, a unique one with the contract": {
    migration:
      "CREATE INDEX by_name ON users (name); CREATE INDEX parts_id ON parts (id); CREATE UNIQUE INDEX one_mail ON users (mail); DROP INDEX by_user;",
  },
  "SET NOT NULL": { migration: "-- hitless: up users.mail = ''\nALTER TABLE users ALTER COLUMN mail SET NOT NULL;" },
  "a value of an enum": { migration: "ALTER TYPE mood ADD VALUE 'bad';" },
  "a renamed column": { migration: "ALTER TABLE users RENAME COLUMN mail TO address;" },
  "a renamed table": { migration: "ALTER TABLE orders RENAME TO purchases;" },
  "another type": { migration: "ALTER TABLE orders ALTER COLUMN user_id TYPE bigint;" },
  "dropped things": {
    migration:
      "ALTER TABLE users DROP COLUMN mail; DROP VIEW names; DROP FUNCTION price_of(int); DROP FUNCTION mail_of(int); DROP TABLE orders;",
  },
  "columns with defaults": {
    migration:
      "ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 7; ALTER TABLE users ADD COLUMN mark uuid NOT NULL DEFAULT gen_random_uuid(); ALTER TABLE orders ADD COLUMN number serial;",
  },
  "a column that is computed": {
    migration: "ALTER TABLE users ADD COLUMN double int GENERATED ALWAYS AS (price * 2) STORED;",
  },
  "procedures and views": {
    migration: "CREATE OR REPLACE VIEW names AS SELECT id, upper(name) AS loud FROM users;",
    procedures: {
      "price.sql": "CREATE FUNCTION price_of(who int) RETURNS text LANGUAGE sql AS $$ SELECT 'much' $$;",
      "fresh.sql": "CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    },
  },
  "bodies and views that are bound to what changes": {
    migration: "ALTER TABLE users ALTER COLUMN price TYPE bigint; ALTER TABLE users DROP COLUMN mail;",
    procedures: {
      "mail.sql":
        "CREATE FUNCTION mail_of(who int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT name FROM users WHERE id = who; END;",
    },
  },
  "a routine of other arguments": {
    procedures: { "price.sql": "CREATE FUNCTION price_of(who bigint) RETURNS int LANGUAGE sql AS 'SELECT 7';" },
  },
  "a trigger": {
    migration:
      "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER shouting BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION shout();",
  },
  "partitions that come and go": {
    migration:
      "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); ALTER TABLE parts DETACH PARTITION parts_1;",
  },
  "a table, a type and a sequence": {
    migration:
      "CREATE TYPE colour AS ENUM ('red'); CREATE SEQUENCE numbers; CREATE TABLE cars (id int PRIMARY KEY, user_id int REFERENCES users (id), c colour); CREATE INDEX ON cars (user_id);",
  },
};

describe("connections that are cut in every action, in its transaction and after it", () => {
  let server: TestServer;
  let template = "";
  beforeAll(async () => {
    server = await startServer(18);
    const url = await server.database();
    await query(url, SETUP);
    template = new URL(url).pathname.slice(1);
  }, 60_000);
  afterAll(() => server.stop());

  const database = async (): Promise<{ url: string; wire: Wire }> => {
    const url = await server.database(template);
    const wire = await Wire.to(url);
    onTestFinished(() => wire.close());
    return { url, wire };
  };

  /** Again and again on new connections, until one lasts to the end. */
  const through = async (wire: Wire, done: Set<string>, work: (runner: StepRunner) => Promise<unknown>): Promise<void> => {
    for (let lost = true; lost;) {
      lost = await withRunner(wire.url, (runner) => work({ ...runner, lease: cuttable(runner.lease, wire, done) })).then(
        () => false,
        isCut,
      );
    }
  };

  it.each(Object.entries(KINDS))("%s: the next run goes on to the same end", async (_, sources) => {
    const whole = await server.database(template);
    const plan = await planOf(whole, 2, sources);
    expect(plan.refusals).toEqual([]);
    await expandIn(whole, plan);
    const expanded = await everything(whole);
    await contractIn(whole, 2);
    const { url, wire } = await database();
    const done = new Set<string>();
    await through(wire, done, (runner) => expand(runner, plan));
    expect(await everything(url)).toEqual(expanded);
    await through(wire, done, (runner) => contract(runner, 2));
    expect(await everything(url)).toEqual(await everything(whole));
    expect([...done].toSorted()).toEqual(allCuts(plan.actions).toSorted());
  });

  it.each(Object.entries(KINDS).filter(([name]) => name !== "a value of an enum"))(
    "%s: taken back from every action, also when that is cut",
    async (_, sources) => {
      const { url, wire } = await database();
      const first = await everything(url);
      const plan = await planOf(url, 2, sources);
      const cut = new Set<string>();
      for (const action of plan.actions.filter(({ phase }) => phase === "expand")) {
        await expandUpTo(wire, plan, action.id);
        await through(wire, cut, (runner) => revert(runner, 2));
        expect(await everything(url), action.title).toEqual(first);
      }
      expect(cut.size).toBeGreaterThan(1);
    },
  );

  it("an index whose build is cut while it waits for a transaction: its remains go, and it is built", async () => {
    const { url, wire } = await database();
    const plan = await planOf(url, 2, { migration: "CREATE INDEX by_name ON users (name);" });
    const writer = new pg.Client({ connectionString: url });
    await writer.connect();
    onTestFinished(() => writer.end());
    await writer.query("BEGIN; UPDATE users SET price = 2 WHERE id = 1");
    const run = withRunner(wire.url, (runner) => expand(runner, plan)).then(() => "went through", isCut);
    await vi.waitUntil(async () => (await query(url, CUT_WAITING)).length > 0, { timeout: 20_000 });
    expect(await run).toBe(true);
    expect(await query(url, "SELECT FROM pg_index WHERE NOT indisvalid")).toHaveLength(1);
    await writer.query("COMMIT");
    await expandIn(url, plan);
    expect(
      await query(url, "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'users'::regclass"),
    ).toEqual(expect.arrayContaining([{ name: "by_name" }]));
    expect(await query(url, "SELECT FROM pg_index WHERE NOT indisvalid")).toEqual([]);
  });

  /** The connection goes in the transaction of one action. */
  const expandUpTo = async (wire: Wire, plan: Plan, id: string): Promise<void> => {
    const others = new Set(allCuts(plan.actions).filter((name) => name.split(" ")[1] !== id));
    const run = withRunner(wire.url, (runner) => expand({ ...runner, lease: cuttable(runner.lease, wire, others) }, plan));
    expect(await run.then(() => "went through", isCut)).toBe(true);
  };
});

/** Ends whoever builds an index and waits for a transaction. */
const CUT_WAITING =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'CREATE INDEX CONCURRENTLY' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()";

/** Whether a run ended because its connection did; a server process that is not gone yet keeps the next one out. */
function isCut(error: unknown): boolean {
  if (error instanceof HitlessError && ["ERR_DATABASE_UNREACHABLE", "ERR_DATABASE_BUSY"].includes(error.code)) return true;
  throw error;
}

/** All that a release can see of the database, and what Hitless has in it. */
async function everything(url: string): Promise<unknown> {
  const catalog = await postgresDatabase.catalog(url);
  const [ours] = await query(
    url,
    `SELECT (SELECT json_agg(nspname ORDER BY 1) FROM pg_namespace WHERE nspname ~ '^hitless_') AS overlays,
       (SELECT json_agg(tgname ORDER BY 1) FROM pg_trigger WHERE tgname ~ 'hitless') AS triggers,
       (SELECT json_agg(relname ORDER BY 1) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname ~ '^hitless_') AS views,
       (SELECT json_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index WHERE NOT indisvalid) AS broken`,
  );
  const tables = catalog.tables.map(({ rows: _r, pages: _p, columns, ...table }) => ({
    ...table,
    columns: columns.map(({ nullFraction: _n, ...column }) => column),
  }));
  return { ...catalog, tables, ours };
}
