import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { tryPlan } from "../../../src/engine/database/trial.ts";
import { contractIn, expandIn, planOf, revertIn, urlOf } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const USERS = "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);";
const VISITS = "CREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES users (id));";
const VISIT = "INSERT INTO visits VALUES (1, 1);";

interface Differing {
  readonly first: string;
  /** What a client of the first wrote. */
  readonly written: string;
  /** What an operator does so that it holds nothing any more. */
  readonly emptied: string;
  readonly second: string;
  readonly says: RegExp;
}

/** What has another form than what was left, whose data must not be lost. */
const DIFFERS: Readonly<Record<string, Differing>> = {
  "a table with another column": {
    first: VISITS,
    written: VISIT,
    emptied: "DELETE FROM visits",
    second: "CREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES users (id), page text);",
    says: /has left the table public\.visits, which holds data and is not what this release wants: CREATE TABLE visits/,
  },
  "a table that was changed after it was made": {
    first: `${VISITS} ALTER TABLE visits ADD COLUMN page text NOT NULL DEFAULT '';`,
    written: VISIT,
    emptied: "DELETE FROM visits",
    second: VISITS,
    says: /has left the table/,
  },
  "a partition with other bounds": {
    first:
      "CREATE TABLE parts (id int, at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');",
    written: "INSERT INTO parts VALUES (1, '2024-02-01')",
    emptied: "DELETE FROM parts",
    second:
      "CREATE TABLE parts (id int, at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2026-01-01');",
    says: /has left the table public\.parts_1/,
  },
  "a column of another type": {
    first: "ALTER TABLE users ADD COLUMN age int;",
    written: "UPDATE users SET age = 7",
    emptied: "UPDATE users SET age = NULL",
    second: "ALTER TABLE users ADD COLUMN age bigint;",
    says: /has left the column public\.users\.age, .*ADD COLUMN age int/,
  },
  "a column that is filled now": {
    first: "ALTER TABLE users ADD COLUMN age int;",
    written: "UPDATE users SET age = 7",
    emptied: "UPDATE users SET age = NULL",
    second: "ALTER TABLE users ADD COLUMN age serial;",
    says: /has left the column/,
  },
  "an enum with other values": {
    first: "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE visits (id int, m mood);",
    written: "INSERT INTO visits VALUES (1, 'good')",
    emptied: "DROP TABLE visits",
    second: "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE visits (id int, m mood);",
    says: /has left type mood, which holds data and is not what this release wants/,
  },
  "a domain with another check": {
    first: "CREATE DOMAIN amount AS int; CREATE TABLE visits (id int, a amount);",
    written: "INSERT INTO visits VALUES (1, 1)",
    emptied: "DROP TABLE visits",
    second: "CREATE DOMAIN amount AS int CHECK (VALUE > 0); CREATE TABLE visits (id int, a amount);",
    says: /has left domain amount/,
  },
  "a sequence that counts otherwise": {
    first: "CREATE SEQUENCE numbers;",
    written: "SELECT nextval('numbers')",
    emptied: "ALTER SEQUENCE numbers RESTART",
    second: "CREATE SEQUENCE numbers START 100;",
    says: /has left sequence public\.numbers/,
  },
  "a table from another query": {
    first: "CREATE TABLE copies AS SELECT id FROM users;",
    written: "INSERT INTO copies VALUES (9)",
    emptied: "DELETE FROM copies",
    second: "CREATE TABLE copies AS SELECT id, id AS again FROM users;",
    says: /has left table public\.copies/,
  },
};

describe("what a release that was taken back has left", () => {
  let server: TestServer;
  let users = "";
  beforeAll(async () => {
    server = await startServer(18);
    const url = await server.database();
    await query(url, USERS);
    users = new URL(url).pathname.slice(1);
  }, 60_000);
  afterAll(() => server.stop());

  /** Release 2 was live, clients of it wrote, and it was taken back. */
  const tookBack = async (first: string, written: string): Promise<string> => {
    const url = await server.database(users);
    await expandIn(url, await planOf(url, 2, { migration: first }));
    await query(await urlOf(url, 2), written);
    await revertIn(url, 2);
    return url;
  };
  const runs = async (url: string, release: number, migration: string): Promise<Plan> => {
    const plan = await planOf(url, release, { migration });
    await expandIn(url, plan);
    return plan;
  };
  const ids = async (url: string, table = "visits"): Promise<unknown> =>
    (await query<{ id: number }>(url, `SELECT id FROM ${table} ORDER BY 1`)).map(({ id }) => id);

  it.each(Object.entries(DIFFERS))("%s: refused, and nothing of it is lost", async (_, { first, written, second, says }) => {
    const url = await tookBack(first, written);
    const { refusals } = await planOf(url, 3, { migration: second });
    expect(refusals.map(({ rule }) => rule)).toEqual(["kept-differs"]);
    expect(refusals[0]!.why).toMatch(says);
    expect(refusals[0]!.write.join("\n")).toContain("accept kept-differs");
    await runs(url, 3, first);
    await contractIn(url, 3);
  });

  it.each(Object.entries(DIFFERS))("%s: made anew once it holds nothing", async (_, { first, written, emptied, second }) => {
    const url = await tookBack(first, written);
    await query(url, emptied);
    const plan = await planOf(url, 3, { migration: second });
    const catalog = await postgresDatabase.catalog(url);
    const tried = await tryPlan(postgresShadows, { plan, catalog, corpora: { running: [], next: [] }, shadowUrl: url });
    expect(tried.plan.refusals).toEqual([]);
    await runs(url, 3, second);
    await contractIn(url, 3);
  });

  it("what the refusal says to write works: as it was, and the change after it", async () => {
    const url = await tookBack(VISITS, VISIT);
    await runs(url, 3, `${VISITS} ALTER TABLE visits ADD COLUMN page text;`);
    expect(await query(url, "SELECT id, page FROM visits")).toEqual([{ id: 1, page: null }]);
  });

  it("what the refusal says to do by hand works: the old one under another name", async () => {
    const url = await tookBack(VISITS, VISIT);
    const wanted = "CREATE TABLE visits (id bigint PRIMARY KEY);";
    const [refusal] = (await planOf(url, 3, { migration: wanted })).refusals;
    const [rename] = refusal!.write;
    expect(rename).toMatch(/^ALTER TABLE public\.visits RENAME TO visits_r2; -- by hand/);
    await query(url, rename!.replace(/;.*/, ""));
    await runs(url, 3, wanted);
    expect([await ids(url), await ids(url, "visits_r2")]).toEqual([[], [1]]);
  });

  it("one that was made to fit by hand is taken where that is said", async () => {
    const url = await tookBack(VISITS, VISIT);
    await query(url, "ALTER TABLE visits ADD COLUMN page text");
    await runs(
      url,
      3,
      "-- hitless: accept kept-differs because the column was added by hand\nCREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES users (id), page text);",
    );
    expect(await ids(url)).toEqual([1]);
  });

  it("the same is taken as it is, and belongs to the release that took it", async () => {
    const seed = "INSERT INTO users VALUES (2);";
    const first = `CREATE TYPE mood AS ENUM ('good'); ${VISITS} ALTER TABLE visits ADD COLUMN m mood; CREATE INDEX by_user ON visits (user_id); ${seed}`;
    const url = await tookBack(first, VISIT);
    await runs(url, 3, first);
    await contractIn(url, 3);
    expect(await ids(url)).toEqual([1]);
    await query(url, "DELETE FROM users WHERE id = 2");
    const later = await runs(url, 4, `ALTER TABLE visits ADD COLUMN page text; ${seed}`);
    expect(later.actions.map(({ table }) => table)).toContain("public.visits");
    expect(await ids(url, "users")).toEqual([1, 2]);
  });

  it("statements that filled a table go with it", async () => {
    const first = `${VISITS} ${VISIT}`;
    const url = await tookBack(first, "SELECT 1");
    await query(url, "DROP TABLE visits");
    await runs(url, 3, first);
    expect(await ids(url)).toEqual([1]);
  });

  it("statements that were one step are known one by one: none is run twice, and a new one is run", async () => {
    const tables = `${VISITS} CREATE TABLE pages (id int PRIMARY KEY);`;
    const rows = `${VISIT} INSERT INTO pages VALUES (1); INSERT INTO pages VALUES (2);`;
    const url = await tookBack(`${tables} ${rows}`, "INSERT INTO visits VALUES (5, 1)");
    const more = `${tables} ${rows} INSERT INTO pages VALUES (3); INSERT INTO visits VALUES (2, 1);`;
    await runs(url, 3, more);
    expect([await ids(url), await ids(url, "pages")]).toEqual([
      [1, 2, 5],
      [1, 2, 3],
    ]);
    await revertIn(url, 3);
    // What went with a table that is gone is run again; what is there is not.
    await query(url, "DROP TABLE pages");
    await runs(url, 4, more);
    expect([await ids(url), await ids(url, "pages")]).toEqual([
      [1, 2, 5],
      [1, 2, 3],
    ]);
  });

  it("what is left of schemas, extensions and roles is not made twice", async () => {
    const first = `CREATE SCHEMA billing; CREATE EXTENSION pg_trgm; CREATE ROLE reader; CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int); CREATE MATERIALIZED VIEW many AS SELECT id FROM users; CREATE TABLE billing.accounts (id int);`;
    const url = await tookBack(first, "INSERT INTO billing.accounts VALUES (1)");
    await runs(url, 3, first);
    expect(await ids(url, "billing.accounts")).toEqual([1]);
  });

  it("of a release that came to no instance nothing is left that its own statements wrote", async () => {
    const url = await server.database(users);
    const broken = `${VISITS} ${VISIT} SELECT 1 / 0;`;
    await expect(expandIn(url, await planOf(url, 2, { migration: broken }))).rejects.toMatchObject({
      code: "ERR_DATABASE_FAILED",
    });
    expect((await revertIn(url, 2)).kept).toEqual([]);
    await runs(url, 3, "CREATE TABLE visits (id bigint PRIMARY KEY, page text);");
  });

  it("one that fails after it took what was left leaves that, with what clients wrote", async () => {
    const url = await tookBack(VISITS, VISIT);
    await expect(expandIn(url, await planOf(url, 3, { migration: `${VISITS} SELECT 1 / 0;` }))).rejects.toThrow();
    await revertIn(url, 3);
    expect(await ids(url)).toEqual([1]);
    await runs(url, 4, VISITS);
    expect(await ids(url)).toEqual([1]);
  });
});
