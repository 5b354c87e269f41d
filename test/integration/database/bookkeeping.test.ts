import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileSources } from "../../../src/adapters/postgres/sources.ts";
import type { DatabaseSpec } from "../../../src/core/database-spec.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { planSources } from "../../../src/engine/database/prepare.ts";
import { expand, revert } from "../../../src/engine/database/runner.ts";
import { APP, withRunner } from "../../support/postgres/release.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const ONE = "CREATE TABLE t (\n  id int\n);\n";
const TWO = "ALTER TABLE t ADD COLUMN more int;\n";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
/** Flyway adds up the lines, without what ends them. */
const flyway = (text: string): number => crc32(text.replaceAll("\n", "")) | 0;

interface Tool {
  readonly files: Readonly<Record<string, string>>;
  /** The table as the tool makes it, with what it writes for the first file. */
  readonly books: string;
  /** One text a row, of what the tool looks at. */
  readonly read: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** As the tool leaves it when a migration fails. */
  readonly broken?: string;
}

const TOOLS: Readonly<Record<string, Tool>> = {
  prisma: {
    files: { "20240101_one/migration.sql": ONE, "20240202_two/migration.sql": TWO, "migration_lock.toml": "" },
    books: `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
        migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
        applied_steps_count int NOT NULL DEFAULT 0);
      INSERT INTO _prisma_migrations VALUES (gen_random_uuid(), '${sha256(ONE)}', now(), '20240101_one', NULL, NULL, now(), 1);
      INSERT INTO _prisma_migrations VALUES (gen_random_uuid(), '${sha256(TWO)}', NULL, '20240202_two', 'failed', now(), now(), 0);`,
    read: "SELECT migration_name || ' ' || checksum AS is FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1",
    before: [`20240101_one ${sha256(ONE)}`],
    after: [`20240101_one ${sha256(ONE)}`, `20240202_two ${sha256(TWO)}`],
    broken: "UPDATE _prisma_migrations SET rolled_back_at = NULL",
  },
  drizzle: {
    files: {
      "0000_one.sql": ONE,
      "0001_two.sql": TWO,
      "meta/_journal.json": JSON.stringify({
        entries: [
          { idx: 0, when: 1700000000001, tag: "0000_one" },
          { idx: 1, when: 1700000000002, tag: "0001_two" },
        ],
      }),
    },
    books: `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('${sha256(ONE)}', 1700000000001);`,
    read: "SELECT created_at || ' ' || hash AS is FROM drizzle.__drizzle_migrations ORDER BY 1",
    before: [`1700000000001 ${sha256(ONE)}`],
    after: [`1700000000001 ${sha256(ONE)}`, `1700000000002 ${sha256(TWO)}`],
  },
  dbmate: {
    files: { "20240101_one.sql": `-- migrate:up\n${ONE}-- migrate:down\n`, "20240202_two.sql": `-- migrate:up\n${TWO}` },
    books: "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); INSERT INTO schema_migrations VALUES ('20240101');",
    read: "SELECT version AS is FROM schema_migrations ORDER BY 1",
    before: ["20240101"],
    after: ["20240101", "20240202"],
  },
  "golang-migrate": {
    files: { "000001_one.up.sql": ONE, "000001_one.down.sql": "", "000002_two.up.sql": TWO },
    books:
      "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (1, false);",
    read: "SELECT version || ' ' || dirty AS is FROM schema_migrations",
    before: ["1 false"],
    after: ["2 false"],
    broken: "UPDATE schema_migrations SET version = 2, dirty = true",
  },
  flyway: {
    files: { "V1__the_one.sql": ONE, "V2__two.sql": TWO },
    books: `CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL,
        type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,
        installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL);
      INSERT INTO flyway_schema_history VALUES (1, '1', 'the one', 'SQL', 'V1__the_one.sql', ${String(flyway(ONE))}, 'ada', now(), 5, true);`,
    read: "SELECT concat_ws(' ', installed_rank, version, description, type, script, checksum, success) AS is FROM flyway_schema_history ORDER BY 1",
    before: [`1 1 the one SQL V1__the_one.sql ${String(flyway(ONE))} t`],
    after: [`1 1 the one SQL V1__the_one.sql ${String(flyway(ONE))} t`, `2 2 two SQL V2__two.sql ${String(flyway(TWO))} t`],
    broken: "UPDATE flyway_schema_history SET success = false",
  },
};

describe("a database that another tool has kept so far", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const spec = { migrations: "m", procedures: null } as DatabaseSpec;
  const written = (files: Readonly<Record<string, string>>): string => {
    const directory = temporaryDirectory();
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, "m", path)), { recursive: true });
      writeFileSync(join(directory, "m", path), text);
    }
    return directory;
  };
  const planned = (url: string, directory: string, release: number): Promise<Plan> =>
    withRunner(url, async ({ lease }) =>
      planSources(fileSources, {
        app: APP,
        release,
        directory,
        spec,
        catalog: await lease.catalog(),
        applied: await lease.applied(),
        kept: [],
        toolRows: (table) => lease.toolRows(table),
      }),
    );

  it("a file that cannot be read is named with its own directory", async () => {
    const url = await server.database();
    const directory = written({ "0001_one.sql": "SELEC 1;" });
    mkdirSync(join(directory, "procedures"));
    writeFileSync(join(directory, "procedures/two.sql"), "\nCREATE FUNKTION two();");
    const both = { ...spec, procedures: "procedures" };
    const refused = withRunner(url, async ({ lease }) => {
      const known = {
        catalog: await lease.catalog(),
        applied: await lease.applied(),
        kept: [],
        toolRows: () => Promise.resolve(null),
      };
      return planSources(fileSources, { app: APP, release: 1, directory, spec: both, ...known });
    });
    await expect(refused).rejects.toMatchObject({
      failure: {
        details: [/^m\/0001_one.sql:1:1: syntax error/, /^procedures\/two.sql:2:8: syntax error/].map(
          (text) => expect.stringMatching(text) as string,
        ),
      },
    });
  });

  it("a new name is refused in Prisma's migrations, whose client would look for it past the release's view; what is dropped is not", async () => {
    const url = await server.database();
    await query(url, "CREATE TABLE t (id int PRIMARY KEY, name text, note text)");
    const directory = written({
      "20260101000000_names/migration.sql":
        "ALTER TABLE t RENAME COLUMN name TO title;\nALTER TABLE t RENAME TO u;\nALTER TABLE t DROP COLUMN note;\n-- hitless: accept qualified-name because it is read by SQL\nALTER TABLE t RENAME COLUMN id TO number;",
    });
    const { refusals } = await planned(url, directory, 2);
    expect(refusals.map(({ rule, position: { line }, write }) => [rule, line, write[0]])).toEqual([
      ["qualified-name", 1, '-- rename it in the Prisma schema alone: @map("name")'],
      ["qualified-name", 2, '-- rename it in the Prisma schema alone: @@map("t")'],
    ]);
  });

  it.each(Object.entries(TOOLS))("%s: goes on from where it stands, and its table is kept in step", async (_, tool) => {
    const url = await server.database();
    await query(url, ONE);
    await query(url, tool.books);
    const directory = written(tool.files);
    const books = async (): Promise<readonly string[]> => (await query<{ is: string }>(url, tool.read)).map(({ is }) => is);
    const plan = await planned(url, directory, 2);
    expect(plan.actions.map(({ title }) => title)).toEqual(["add t.more"]);
    await withRunner(url, (runner) => expand(runner, plan));
    expect(await books()).toEqual(tool.after);
    await withRunner(url, (runner) => revert(runner, 2));
    expect(await books()).toEqual(tool.before);
    const again = await planned(url, directory, 3);
    await withRunner(url, (runner) => expand(runner, again));
    expect(await books()).toEqual(tool.after);
    expect((await planned(url, directory, 4)).actions).toEqual([]);
    if (tool.broken === undefined) return;
    await query(url, tool.broken);
    await expect(planned(url, directory, 4)).rejects.toMatchObject({ code: "ERR_MIGRATION_FAILED" });
  });

  it("a file that is not what the tool has applied is told with both sums", async () => {
    const url = await server.database();
    await query(url, ONE + TOOLS["flyway"]!.books);
    const changed = planned(url, written({ ...TOOLS["flyway"]!.files, "V1__the_one.sql": `${ONE}-- more\n` }), 2);
    await expect(changed).rejects.toMatchObject({ code: "ERR_MIGRATION_CHANGED" });
    await expect(changed).rejects.toMatchObject({
      failure: { details: [expect.stringContaining(`CRC-32 ${String(flyway(ONE))}`)] },
    });
  });
});
