import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { fileSources } from "../../../src/adapters/postgres/sources.ts";
import { planRelease } from "../../../src/database/plan/plan.ts";
import { privilegeNeeds } from "../../../src/database/privileges/needs.ts";
import { missingPrivileges } from "../../../src/engine/database/privileges.ts";
import { databaseReleases } from "../../support/postgres/database-releases.ts";
import { APP, contractIn, expandIn, planOf } from "../../support/postgres/release.ts";
import { ownDirectory, query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { STATEMENT_TABLES, STATEMENTS } from "../../support/postgres/statements.ts";

const BOSSES = `
  CREATE SCHEMA billing;
  CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, mail text);
  CREATE TABLE billing.accounts (id bigint PRIMARY KEY);
  CREATE TYPE mood AS ENUM ('good');
  CREATE FUNCTION greet(who text) RETURNS text LANGUAGE sql AS 'SELECT who';
  INSERT INTO users SELECT i, 'u' FROM generate_series(1, 10) i; ANALYZE;`;
const MIGRATION = `ALTER TABLE users ADD COLUMN age int;
CREATE TABLE visits (id bigint PRIMARY KEY, account bigint REFERENCES billing.accounts);
-- hitless: up users.mail = ''
ALTER TABLE users ALTER COLUMN mail SET NOT NULL;
ALTER TYPE mood ADD VALUE 'bad';`;
const GREET = "CREATE FUNCTION greet(who text) RETURNS text LANGUAGE sql AS 'SELECT upper(who)';";

const as = (url: string, role: string): string => {
  const parsed = new URL(url);
  parsed.username = role;
  return parsed.href;
};

/** A place beside the server's own data, with the given name. */
async function tablespace(url: string, name: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "hl-space-"));
  ownDirectory(directory);
  onTestFinished(async () => {
    await query(url, "DROP TABLE IF EXISTS visits");
    await query(url, `DROP TABLESPACE ${name}`);
    rmSync(directory, { recursive: true, force: true });
  });
  await query(url, `CREATE TABLESPACE ${name} LOCATION '${directory}'`);
  return name;
}

describe.each([15, 18] as const)("privileges on PostgreSQL %i", (major) => {
  let server: TestServer;
  let url = "";
  beforeAll(async () => {
    server = await startServer(major);
    url = await server.database();
    await query(url, "CREATE ROLE boss LOGIN CREATEROLE; CREATE ROLE shop LOGIN; CREATE ROLE clerk LOGIN");
  }, 60_000);
  afterAll(() => server.stop());

  const parts = { database: postgresDatabase, sources: fileSources };
  /** Everything belongs to another role. */
  const bosses = async (): Promise<string> => {
    const own = await server.database();
    const name = new URL(own).pathname.slice(1);
    await query(own, `GRANT CREATE ON DATABASE ${name} TO boss; GRANT ALL ON SCHEMA public TO boss`);
    await query(as(own, "boss"), BOSSES);
    await query(as(own, "boss"), "GRANT USAGE ON SCHEMA billing TO shop, clerk; GRANT SELECT ON users TO shop, clerk");
    return own;
  };

  it("what an ordinary role lacks is named before anything is done, each with its statement; with just that, it can", async () => {
    const own = await bosses();
    const shop = as(own, "shop");
    const sources = { migration: MIGRATION, procedures: { "greet.sql": GREET } };
    const plan = await planOf(own, 2, sources);
    await query(own, "DROP SCHEMA hitless CASCADE");
    const missing = await missingPrivileges(parts, shop, plan);
    const name = new URL(own).pathname.slice(1);
    expect(missing.map(({ place, what }) => `${place} ${what}`.trim())).toEqual(
      expect.arrayContaining([
        `shop has no CREATE on database ${name}`,
        "m.sql:1 shop does not own public.users, which belongs to boss",
        "m.sql:2 shop has no CREATE on schema public",
        "m.sql:2 shop has no REFERENCES on billing.accounts",
        "m.sql:4 shop has no UPDATE on public.users",
        "m.sql:5 shop does not own type public.mood, which belongs to boss",
        "shop does not own routine public.greet, which belongs to boss",
      ]),
    );
    expect(await query(own, "SELECT FROM pg_namespace WHERE nspname = 'hitless'")).toEqual([]);
    for (const { grant } of missing) await query(own, grant);
    expect(await missingPrivileges(parts, shop, plan)).toEqual([]);
    await expandIn(shop, plan);
    await contractIn(shop, 2);
  });

  it("extensions, tablespaces, roles and what is granted: each is named with what would help, and with that it can", async () => {
    const own = await bosses();
    const name = new URL(own).pathname.slice(1);
    const guest = `guest_${name}`;
    await query(
      own,
      `CREATE ROLE ${guest} LOGIN; GRANT CREATE ON DATABASE ${name} TO ${guest}; GRANT ALL ON SCHEMA public TO ${guest}; CREATE ROLE reader_${name}; CREATE ROLE keeper_${name}`,
    );
    const space = await tablespace(own, `space_${name}`);
    const plan = await planOf(own, 2, {
      migration: `CREATE EXTENSION pg_trgm;
CREATE EXTENSION file_fdw;
CREATE TABLE visits (id int) TABLESPACE ${space};
CREATE ROLE writer_${name};
GRANT reader_${name} TO clerk;
GRANT SELECT, INSERT ON users TO clerk;
CREATE TYPE colour AS ENUM ('red');
ALTER TYPE colour OWNER TO keeper_${name};`,
    });
    expect(plan.refusals).toEqual([]);
    await query(own, "DROP SCHEMA hitless CASCADE");
    const missing = await missingPrivileges(parts, as(own, guest), plan);
    expect(missing.map(({ place, what, grant }) => `${place} ${what}: ${grant}`)).toEqual([
      `m.sql:2 ${guest} may not make the extension file_fdw: that needs a superuser, or CREATE on database ${name} where it is trusted: CREATE EXTENSION file_fdw`,
      `m.sql:3 ${guest} has no CREATE on tablespace ${space}: GRANT CREATE ON TABLESPACE ${space} TO ${guest}`,
      `m.sql:4 ${guest} may not make roles: ALTER ROLE ${guest} CREATEROLE`,
      `m.sql:5 ${guest} may not make others members of reader_${name}: GRANT reader_${name} TO ${guest} WITH ADMIN OPTION`,
      `m.sql:6 ${guest} has no SELECT WITH GRANT OPTION on public.users: GRANT SELECT ON public.users TO ${guest} WITH GRANT OPTION`,
      `m.sql:6 ${guest} has no INSERT WITH GRANT OPTION on public.users: GRANT INSERT ON public.users TO ${guest} WITH GRANT OPTION`,
      `m.sql:8 ${guest} is no member of keeper_${name}: GRANT keeper_${name} TO ${guest}${major === 18 ? " WITH SET TRUE" : ""}`,
    ]);
    for (const { grant } of missing) await query(own, grant);
    await query(own, `GRANT ALL ON SCHEMA public TO keeper_${name}`);
    expect(await missingPrivileges(parts, as(own, guest), plan)).toEqual([]);
    const again = { ...plan, actions: plan.actions.filter(({ run }) => !JSON.stringify(run).includes("file_fdw")) };
    await expandIn(as(own, guest), again);
    const place = "SELECT spcname AS is FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE relname = 'visits'";
    expect(await query(own, place)).toEqual([{ is: space }]);
  });

  it("a deployment stops before it has changed anything", async () => {
    const own = await bosses();
    await query(own, `GRANT CREATE ON DATABASE ${new URL(own).pathname.slice(1)} TO clerk`);
    const directory = mkdtempSync(join(tmpdir(), "hl-rights-"));
    onTestFinished(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    writeFileSync(join(directory, "0001_m.sql"), MIGRATION);
    const spec = {
      variable: "DATABASE_URL",
      migrations: ".",
      procedures: null,
      contractAfterMs: 0,
      lockTimeoutMs: 100,
      lockPatienceMs: 5_000,
      shadowUrl: own,
    };
    const expansion = { app: APP, release: 2, env: {}, directory, spec, onOutput: () => undefined };
    const { signal } = new AbortController();
    const refused = databaseReleases([]).expand(as(own, "clerk"), { ...expansion, signal });
    await expect(refused).rejects.toMatchObject({
      code: "ERR_DATABASE_PRIVILEGE",
      failure: { details: expect.arrayContaining(["    GRANT REFERENCES ON billing.accounts TO clerk;"]) as string[] },
    });
    expect(await postgresDatabase.changeSets(own, APP)).toEqual([]);
    expect(await query(own, "SELECT FROM pg_class WHERE relname = 'visits'")).toEqual([]);
  });

  it("a role that owns what it changes lacks nothing, whatever the statement", async () => {
    const own = await server.database();
    const name = new URL(own).pathname.slice(1);
    await query(own, `GRANT CREATE ON DATABASE ${name} TO boss; GRANT ALL ON SCHEMA public TO boss`);
    const boss = as(own, "boss");
    await query(boss, STATEMENT_TABLES);
    await query(own, `GRANT reader_of_statements TO boss${major === 18 ? " WITH SET TRUE" : ""}`);
    const [catalog, language] = [await postgresDatabase.catalog(boss), await fileSources.language()];
    const needs = STATEMENTS.flatMap((statement) => {
      const file = { version: "1", name: "m", path: "m.sql", checksum: "", sql: `${statement};`, repeatable: false };
      const planned = planRelease({ app: APP, release: 2, language, catalog, migrations: [file], kept: [], procedures: null });
      return planned.kind === "plan" ? privilegeNeeds(language, planned.plan) : [];
    });
    expect(needs.length).toBeGreaterThan(100);
    const missing = await postgresDatabase.missing(
      boss,
      needs.map(({ need }) => need),
    );
    expect(missing.map(({ what }) => what)).toEqual([]);
  });
});
