import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { tryPlan, type Trial } from "../../../src/engine/database/trial.ts";
import { planOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP = `
  CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, code text NOT NULL DEFAULT '1', price int NOT NULL, born text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint REFERENCES users);
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''of the application''; END';
  CREATE TABLE guarded (id bigint PRIMARY KEY, size int NOT NULL);
  CREATE TRIGGER refuse BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();
  INSERT INTO users SELECT i, 'u', i, i FROM generate_series(1, 20) i; ANALYZE;`;

describe.each([
  ["on a server", false],
  ["in this process", true],
])("triggers between releases, called on a copy %s", { timeout: 120_000 }, (_, inProcess) => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(18);
    url = await server.database();
    await query(url, SETUP);
  }, 60_000);
  afterAll(() => server.stop());

  const tried = async (migration: string): Promise<Trial> =>
    tryPlan(postgresShadows, {
      plan: await planOf(url, 2, { migration }),
      catalog: await postgresDatabase.catalog(url),
      corpora: { running: [], next: [] },
      shadowUrl: inProcess ? null : url,
    });

  it("an expression that fails whatever is written refuses the plan, with its statement", async () => {
    const migration = `ALTER TABLE orders ADD COLUMN note text;
-- hitless: up users.born = born::date
-- hitless: down users.born = to_char(born, 'YYYY')::date
ALTER TABLE users ALTER COLUMN born TYPE date;`;
    const { refusals, notices } = (await tried(migration)).plan;
    expect(refusals).toMatchObject([{ rule: "sync-fails", position: { path: "m.sql", line: 4 } }]);
    expect(refusals[0]?.statement).toContain("ALTER COLUMN born");
    expect(refusals[0]?.why).toMatch(
      /a write of the new release to users fails where born is kept in step as .*to_char.*: invalid input syntax .* \(22007\)/,
    );
    // What texts hold is not known: there it can only be said.
    expect(notices.map(({ rule }) => rule)).toContain("sync-may-fail");
  });

  it("one that fails for some values is said", async () => {
    const migration = `-- hitless: up users.code = code::int
-- hitless: down users.code = code::text
ALTER TABLE users ALTER COLUMN code TYPE int;
ALTER TABLE users ALTER COLUMN price TYPE bigint;`;
    const { refusals, notices } = (await tried(migration)).plan;
    expect(refusals).toEqual([]);
    const said = notices
      .filter(({ rule }) => rule === "sync-may-fail")
      .map(({ text, position }) => `${String(position?.line)} ${text}`);
    expect(said).toEqual([
      expect.stringMatching(
        /^3 .*a write of the running release to users .* code__r2 .*invalid input syntax for type integer: "x y" \(22P02\)/,
      ),
      expect.stringMatching(/^4 .*a write of the new release to users .* price .*integer out of range \(22003\)/),
    ]);
  });

  it("what is kept in step without failing, and what fails for other reasons, is nobody's concern", async () => {
    const migration = "ALTER TABLE users RENAME COLUMN name TO title; ALTER TABLE guarded ALTER COLUMN size TYPE bigint;";
    const { plan, gaps } = await tried(migration);
    expect(plan.refusals).toEqual([]);
    expect(plan.notices.filter(({ rule }) => rule.startsWith("sync"))).toEqual([]);
    expect(gaps).toEqual([]);
  });
});
