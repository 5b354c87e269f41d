import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { releaseUrl } from "../../src/database/release-url.ts";
import { Scene, type AppDirectory } from "../support/scene.ts";
import { query, startServer, type TestServer } from "../support/postgres/server.ts";
import { until } from "../support/temp.ts";

const ITEMS = "CREATE TABLE items (key text PRIMARY KEY, note text); INSERT INTO items VALUES ('a', 'b');";
const HAS_NOTE = "SELECT FROM information_schema.columns WHERE table_name = 'items' AND column_name = 'note'";

describe("a deployment that the database holds up", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(18);
  }, 60_000);
  afterAll(() => server.stop());

  /** An app whose first release has made its table. */
  const deployed = async (database: { lockPatience: string; contractAfter?: string }): Promise<Running> => {
    const url = await server.database();
    const scene = new Scene();
    onTestFinished(() => scene.close());
    const app = await scene.app("items");
    mkdirSync(join(app.path, "migrations"));
    app.configure({ env: { DATABASE_URL: url } }, { database: { migrations: "migrations", shadowUrl: url, ...database } });
    app.write("migrations/0001_items.sql", ITEMS);
    await app.deploy();
    return { app, url };
  };

  const connected = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end().catch(() => undefined));
    return client;
  };

  test("by a transaction that holds the table: it says whose, goes back, and goes through when that is ended", async () => {
    const { app, url } = await deployed({ lockPatience: "1s" });
    const holder = await connected(url);
    await holder.query("SET application_name = 'report'; BEGIN; SELECT count(*) FROM items");
    app.write("migrations/0002_more.sql", "ALTER TABLE items ADD COLUMN more text;");
    const { code, out, err } = await app.run(["deploy"]);
    expect(code, out + err).not.toBe(0);
    expect(out + err).toMatch(/waiting for pid \d+ \(report of postgres, idle in transaction for \d+ s\)/);
    expect(out + err).toMatch(/add items\.more .*did not get its lock within 1 s/);
    const [, pid] = /In the way: pid (\d+) \(report of postgres, .*\): .*SELECT count\(\*\) FROM items/.exec(out + err) ?? [];
    expect(out + err).toContain("pg_terminate_backend(<pid>)");
    expect((await app.ask()).release).toBe("r1");
    await query(url, `SELECT pg_terminate_backend(${String(pid)})`);
    await app.deploy();
    expect(await query(url, "SELECT more FROM items")).toEqual([{ more: null }]);
  });

  test("by a process of the old release that does not end: the contract waits, says for whom, and comes when that is ended", async () => {
    const { app, url } = await deployed({ lockPatience: "10s", contractAfter: "0s" });
    const stray = await connected(releaseUrl(url, { app: "items", release: 1, searchPath: ["public"] }));
    await stray.query("SELECT note FROM items");
    app.write("migrations/0002_less.sql", "ALTER TABLE items DROP COLUMN note;");
    await app.deploy();
    const status = await app.run(["db", "status"]);
    const told =
      /now: r1 is connected \(1\): pid (\d+), for \d+ s, last with SELECT note FROM items; (SELECT pg_terminate_backend\(\d+\)) ends it/;
    expect(status.out).toMatch(told);
    const [, pid, end] = told.exec(status.out) ?? [];
    expect(end).toBe(`SELECT pg_terminate_backend(${String(pid)})`);
    const refused = await app.run(["db", "contract"]);
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain(`pid ${String(pid)}`);
    expect((await stray.query("SELECT note FROM items")).rows).toEqual([{ note: "b" }]);
    await query(url, end!);
    await until(async () => (await query(url, HAS_NOTE)).length === 0, { within: 30_000, what: "the contract" });
  });

  test("by another deployment from elsewhere: the second is refused, the first goes through", async () => {
    const { app, url } = await deployed({ lockPatience: "100s" });
    const elsewhere = new Scene();
    onTestFinished(() => elsewhere.close());
    const other = await elsewhere.app("items");
    mkdirSync(join(other.path, "migrations"));
    other.configure({ env: { DATABASE_URL: url } }, { database: { migrations: "migrations", shadowUrl: url } });
    for (const desk of [app, other]) {
      desk.write("migrations/0001_items.sql", ITEMS);
      desk.write("migrations/0002_more.sql", "ALTER TABLE items ADD COLUMN more text;");
    }
    const holder = await connected(url);
    await holder.query("BEGIN; SELECT count(*) FROM items");
    const first = app.begin(["deploy"]);
    const expanding = "SELECT FROM hitless.change_sets WHERE app = 'items' AND state = 'expanding'";
    await until(async () => (await query(url, expanding)).length > 0, { within: 30_000, what: "the first is at work" });
    const second = await other.run(["deploy"]);
    expect(second.code).not.toBe(0);
    expect(second.out + second.err).toContain("Another runner is changing the database of items.");
    expect(other.instanceProcesses()).toEqual([]);
    await holder.query("COMMIT");
    const { code, out, err } = await first.ended();
    expect(code, out + err).toBe(0);
    expect(await query(url, "SELECT more FROM items")).toEqual([{ more: null }]);
  });
});

interface Running {
  readonly app: AppDirectory;
  readonly url: string;
}
