import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanReport } from "../../../src/api/database.ts";
import { Command, type CommandResult } from "../../support/cli.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

describe("hitless db, without a daemon", { timeout: 90_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hl-db-"));
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
    const url = await server.database();
    await query(
      url,
      "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT i FROM generate_series(1, 100) i; ANALYZE users;",
    );
    mkdirSync(join(directory, "migrations"));
    writeFileSync(
      join(directory, "hitless.config.json"),
      JSON.stringify({
        app: "shop",
        listen: "127.0.0.1:8080",
        processes: { web: { command: "node server.js", env: { DATABASE_URL: url } } },
        database: { migrations: "migrations", shadowUrl: url },
      }),
    );
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<CommandResult> =>
    new Command(["db", ...args], { cwd: directory, env: { HITLESS_STATE: join(directory, "state") } }).ended();
  const write = (sql: string): void => {
    writeFileSync(join(directory, "migrations", "0001_one.sql"), sql);
  };

  it("plan shows steps with locks and phases, and changes nothing", async () => {
    write("ALTER TABLE users RENAME COLUMN name TO full_name;\nCREATE INDEX ON users (full_name);");
    const { code, out } = await run("plan", "--sql");
    expect(code).toBe(0);
    expect(out).toMatch(/expand: before the first new instance starts/);
    expect(out).toMatch(/CREATE INDEX CONCURRENTLY/);
    expect(out).toMatch(/contract: when the last older one is gone/);
    expect(out).toMatch(/Measured on PostgreSQL 18\.\d+ at 127\.0\.0\.1:\d+; by the rules: e1\./);
    expect(out).toContain("e1: 100 rows (0 MB) of public.users at 400,000 rows/s");
    const { steps } = JSON.parse((await run("plan", "--json")).out) as PlanReport;
    expect(steps.find(({ work }) => work === "index build")).toMatchObject({
      place: "0001_one.sql:2",
      blocks: "nobody",
      phase: "expand",
    });
    expect((await run("status")).out).toContain("No release has changed this database.");
  });

  it("diff says which releases it cannot compare, and ends with 2", async () => {
    const { code, err } = await run("diff", "r1", "2");
    expect(code).toBe(2);
    expect(err).toContain("r1 has brought nothing to this database and is not connected; known are none");
    expect(err).toContain("2 is no name of a release such as r42");
  });

  it("lint ends with 3 and says where, in text, SARIF and GitHub's form", async () => {
    write("SELECT 1;\nALTER TABLE users ALTER COLUMN name SET NOT NULL;");
    const { code, out } = await run("lint");
    expect(code).toBe(3);
    expect(out).toContain("0001_one.sql:2: set-not-null");
    expect(JSON.parse((await run("lint", "--format", "sarif")).out)).toMatchObject({
      runs: [{ results: [{ ruleId: "set-not-null", locations: [{ physicalLocation: { region: { startLine: 2 } } }] }] }],
    });
    expect((await run("lint", "--format", "github")).out).toMatch(
      /^::error file=migrations\/0001_one\.sql,line=2,title=set-not-null::/,
    );
  });

  it("the plan of a deployment names what could be done ahead of it, how long each takes and from what that is known; it starts no daemon", async () => {
    write("ALTER TABLE users ADD COLUMN email text;\nCREATE INDEX ON users (name);");
    mkdirSync(join(directory, "deploy", "steps"), { recursive: true });
    const step = join(directory, "deploy", "steps", "0001-names.yaml");
    writeFileSync(step, "update: { table: Users, set: name = 'none', where: name IS NULL }\nthrottle: 50%");
    const hitless = (...args: string[]): Promise<CommandResult> =>
      new Command(args, { cwd: directory, env: { HITLESS_STATE: join(directory, "state") } }).ended();
    const { code, out } = await hitless("plan");
    expect(code, out).toBe(0);
    expect(out).toMatch(
      /0001-names +update +required +not prepared +2 s +100 rows \(0 MB\) of public.users at 50,000 rows\/s in batches \(assumed: no backfill was measured here yet\), 50 % of the time/,
    );
    expect(out).toMatch(/e2 +build index users_name_idx +1 s +100 rows \(0 MB\) of public.users at 400,000 rows\/s/);
    expect(out).toContain("The deployment would be about 3 s shorter.");
    expect(out).toContain("No daemon runs");
    expect(JSON.parse((await hitless("plan", "--json")).out)).toMatchObject({ shorterSeconds: 3, asked: false });
    expect((await hitless("status")).code).not.toBe(0);
    rmSync(join(directory, "deploy"), { recursive: true });
  });

  it("lint judges by the profile here, and refuses one with names that it does not know", async () => {
    write("ALTER TABLE users ALTER COLUMN name SET NOT NULL;");
    const profile = join(directory, "hitless.lint.yaml");
    writeFileSync(profile, "exceptions: [{ rules: [set-not-null], tables: [users], because: it is small }]");
    expect(await run("lint")).toMatchObject({ code: 0, out: "" });
    writeFileSync(profile, "rules: { set-not-nul: off }");
    const { code, err } = await run("lint");
    rmSync(profile);
    expect(code).toBe(3);
    expect(err).toContain("rules.set-not-nul: ");
  });

  it("a syntax error has its place", async () => {
    write("SELECT 1;\n  ALTER TABEL users;");
    const { code, err } = await run("plan");
    expect(code).toBe(3);
    expect(err).toContain('migrations/0001_one.sql:2:9: syntax error at or near "TABEL"');
  });
});
