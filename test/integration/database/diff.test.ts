import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { HitlessError } from "../../../src/base/error.ts";
import type { SeenDifference } from "../../../src/database/seen/difference.ts";
import { diffReleases, type ReleaseDiff } from "../../../src/engine/database/release-diff.ts";
import { APP, contractIn, expandIn, planOf, revertIn } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

const SETUP = `
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, price int NOT NULL DEFAULT 1, code varchar(10));
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint REFERENCES users);
  CREATE FUNCTION total(who bigint, twice boolean DEFAULT false) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
  CREATE FUNCTION kept() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT 1';
  CREATE VIEW names AS SELECT name FROM users;`;
const TOTAL =
  "CREATE FUNCTION total(who bigint, twice boolean DEFAULT true) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT 1.5';";

describe.each([15, 18] as const)("hitless db diff on PostgreSQL %i", (major) => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(major);
    url = await server.database();
    await query(url, SETUP);
    const migration = `
      DROP VIEW names;
      ALTER TABLE users RENAME COLUMN name TO full_name;
      ALTER TABLE users ALTER COLUMN price TYPE numeric;
      ALTER TABLE users DROP COLUMN code;
      ALTER TABLE orders ADD COLUMN note text;`;
    const kept = "CREATE FUNCTION kept() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT 1';";
    await expandIn(url, await planOf(url, 2, { migration, procedures: { "total.sql": TOTAL, "kept.sql": kept } }));
  }, 60_000);
  afterAll(() => server.stop());

  const diff = (one: string, other: string): Promise<ReleaseDiff> =>
    diffReleases(postgresDatabase, { app: APP, url }, [one, other]);
  const byName = (found: ReleaseDiff, name: string): SeenDifference | undefined =>
    found.differences.find((difference) => difference.name === name);
  const refusal = async (one: string, other: string): Promise<Pick<HitlessError, "code"> & { why: string }> => {
    const error = await diff(one, other).catch((thrown: unknown) => thrown);
    if (!(error instanceof HitlessError)) throw new Error("nothing was refused");
    return { code: error.code, why: error.failure.why ?? "" };
  };

  it("shows columns as each release meets them, with what the table under a view refuses and gives", async () => {
    const users = byName(await diff("r1", "r2"), "users");
    expect(users).toMatchObject({ one: "table in public", other: "view in hitless_shop_r2" });
    expect(users?.parts).toEqual([
      { what: "column", name: "name", one: "text NOT NULL", other: null },
      { what: "column", name: "price", one: "integer NOT NULL DEFAULT 1", other: "numeric NOT NULL DEFAULT (1)::numeric" },
      { what: "column", name: "code", one: "character varying(10)", other: null },
      { what: "column", name: "price__r2", one: "numeric NOT NULL", other: null },
      { what: "column", name: "full_name", one: null, other: "text NOT NULL" },
    ]);
  });

  it("shows routines with their signatures; nothing of what both find alike, nor of the triggers between them", async () => {
    const found = await diff("r1", "r2");
    expect(found.differences.map(({ name }) => name)).toEqual(["users", "total(bigint, boolean)"]);
    expect(byName(found, "total(bigint, boolean)")?.parts.map(({ what, one, other }) => [what, one, other])).toEqual([
      ["arguments", "who bigint, twice boolean DEFAULT false", "who bigint, twice boolean DEFAULT true"],
      ["result", "integer", "numeric"],
      ["body", expect.stringContaining("SELECT 1"), expect.stringContaining("SELECT 1.5")],
    ]);
    expect(found.untilContract.some((title) => title.includes("names"))).toBe(true);
    expect((await diff("r2", "r2")).differences).toEqual([]);
  });

  it("refuses releases that are not there, all at once", async () => {
    expect(await refusal("r7", "d1")).toEqual({
      code: "ERR_RELEASE_UNKNOWN",
      why: "r7 has brought nothing to this database and is not connected; known are r2; d1 is no name of a release such as r42.",
    });
  });

  it("refuses what was taken back, and what has lost its objects to a contract", async () => {
    await revertIn(url, 2);
    expect(await refusal("r1", "r2")).toEqual({ code: "ERR_RELEASE_UNKNOWN", why: "what r2 brought is reverted." });
    const migration = "ALTER TABLE users RENAME COLUMN code TO sign;";
    await expandIn(url, await planOf(url, 3, { migration }));
    expect(byName(await diff("r1", "r3"), "users")?.parts.map(({ name }) => name)).toEqual(["code", "sign"]);
    await contractIn(url, 3);
    expect(await refusal("r1", "r3")).toEqual({
      code: "ERR_CONTRACTED",
      why: "what only r1 saw was removed with the contract of r3.",
    });
  });
});
