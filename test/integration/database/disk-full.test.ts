import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { contractIn, expandIn, planOf, revertIn } from "../../support/postgres/release.ts";
import { ownDirectory, query, startServer, type TestServer } from "../../support/postgres/server.ts";
import { NO_SMALL_DISK, smallDisk } from "../../support/small-disk.ts";

const ROWS = 20_000;
const MIB = 1_048_576;

/** The table's disk is its own: the journal, on the server's disk, has room. */
describe.skipIf(NO_SMALL_DISK !== null)(`a disk that is full in the middle of a step (${NO_SMALL_DISK ?? "tmpfs"})`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  const crowded = async (): Promise<{ readonly url: string; readonly grow: () => void }> => {
    const url = await server.database();
    const disk = smallDisk(5 * MIB);
    const space = `small_${new URL(url).pathname.slice(1)}`;
    ownDirectory(disk);
    await query(url, `CREATE TABLESPACE ${space} LOCATION '${disk}'`);
    onTestFinished(async () => {
      // Its pages are not left to be written to a disk that is gone: no later checkpoint would succeed.
      const admin = new URL("/postgres", url).href;
      await query(admin, `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
      await query(admin, `DROP TABLESPACE ${space}`);
    });
    await query(
      url,
      `SET default_tablespace = ${space}; CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
       INSERT INTO t SELECT i, i, repeat('x', 100) FROM generate_series(1, ${String(ROWS)}) i;`,
    );
    const grow = (): void => {
      expect(spawnSync("mount", ["-o", `remount,size=${String(64 * MIB)}`, disk]).status).toBe(0);
    };
    return { url, grow };
  };
  const STEPS = {
    "a backfill": "ALTER TABLE t ALTER COLUMN n TYPE bigint;",
    "the build of an index": "ALTER TABLE t ADD COLUMN fresh int; CREATE INDEX t_pad ON t (pad, id, n) TABLESPACE small;",
  };

  it.each(Object.entries(STEPS))(
    "in %s: is said, can be taken back, and is gone on with when there is room",
    async (_, template) => {
      const { url, grow } = await crowded();
      const migration = template.replace("small;", `small_${new URL(url).pathname.slice(1)};`);
      const plan = await planOf(url, 2, { migration });
      const full = expandIn(url, plan);
      await expect(full).rejects.toMatchObject({
        code: "ERR_DATABASE_FAILED",
        failure: { next: expect.stringContaining("give the database server more room") as string },
      });
      await expect(full).rejects.toThrow(/No space left on device.*SQLSTATE 53100/);
      await revertIn(url, 2);
      expect(await query(url, "SELECT count(*)::int AS rows, sum(n)::int AS sum FROM t")).toEqual([
        { rows: ROWS, sum: (ROWS * (ROWS + 1)) / 2 },
      ]);
      const again = await planOf(url, 2, { migration });
      await expect(expandIn(url, again)).rejects.toThrow(/No space left/);
      grow();
      await expandIn(url, again);
      await contractIn(url, 2);
      expect(await query(url, "SELECT count(*)::int AS rows, sum(n)::int AS sum FROM t")).toEqual([
        { rows: ROWS, sum: (ROWS * (ROWS + 1)) / 2 },
      ]);
      expect(await query(url, "SELECT FROM pg_index WHERE NOT indisvalid")).toEqual([]);
    },
    60_000,
  );
});
