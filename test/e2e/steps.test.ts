import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { StepStatus } from "../../src/api/steps.ts";
import { Scene, type AppDirectory } from "../support/scene.ts";
import { query, startServer } from "../support/postgres/server.ts";
import { until } from "../support/temp.ts";

const APP = fileURLToPath(new URL("../support/apps/items.mjs", import.meta.url));
const PG_MODULE = import.meta.resolve("pg");
const ROWS = 5_000;

/** Counts its rows in the database, one checkpoint each: whatever ends it in between, each is counted once. */
const COUNT = `
import { setTimeout as sleep } from "node:timers/promises";
const { default: pg } = await import(process.env.PG_MODULE);
export async function run({ checkpoint = 0, save }) {
  const client = new pg.Client(process.env.DATABASE_URL);
  await client.connect();
  for (let n = checkpoint; n < 15; n++) {
    await client.query("INSERT INTO counted VALUES ($1) ON CONFLICT DO NOTHING", [n]);
    await save(n + 1, { done: n + 1, total: 15 });
    await sleep(50);
  }
  await client.end();
}`;

async function steps(app: AppDirectory): Promise<Readonly<Record<string, StepStatus>>> {
  const list = await app.scene.client.steps(app.name);
  return Object.fromEntries(list.map((step) => [step.name, step]));
}

test("steps run ahead of a deployment under load, and a daemon that is killed in between changes nothing: it refuses until they are done", async () => {
  const server = await startServer(18);
  onTestFinished(() => server.stop());
  const url = await server.database();
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("items");
  for (const directory of ["migrations", "deploy", "deploy/steps"]) mkdirSync(join(app.path, directory));
  copyFileSync(APP, join(app.path, "items.mjs"));
  app.configure(
    { command: [process.execPath, "items.mjs"], env: { DATABASE_URL: url, PG_MODULE } },
    { database: { migrations: "migrations" } },
  );
  app.write("migrations/0001_items.sql", "CREATE TABLE items (key text PRIMARY KEY, label text, amount int NOT NULL DEFAULT 0);");
  app.write(
    "queries.json",
    JSON.stringify({
      put: "INSERT INTO items (key, amount) VALUES ($1, $2::int) ON CONFLICT (key) DO UPDATE SET amount = excluded.amount",
      get: "SELECT amount AS value FROM items WHERE key = $1",
    }),
  );
  await app.deploy();
  await query(url, `INSERT INTO items SELECT 'k' || n, ' L' || n, n FROM generate_series(1, ${String(ROWS)}) n; ANALYZE items;`);

  app.write("migrations/0002_channel.sql", "ALTER TABLE items ADD COLUMN channel text;");
  app.write("deploy/steps/0001-counted.sql", "CREATE TABLE counted (n int PRIMARY KEY);");
  app.write("deploy/steps/0002-count.js", `// hitless: needs = 0001-counted${COUNT}`);
  app.write(
    "deploy/steps/0003-labels.yaml",
    "update: { table: items, set: 'label = trim(label)', where: 'label <> trim(label)' }\nthrottle: 90%",
  );
  app.write("deploy/steps/0004-agreed.yaml", "wait: { approval: all agree }");
  app.write("deploy/steps/0005-channels.sql", "-- hitless: needs = expand\nUPDATE items SET channel = 'web' WHERE key = 'k1';");
  app.write("deploy/steps/0006-later.sh", "# hitless: required = false\n# hitless: needs = 0004-agreed\necho done");

  const refused = await app.run(["deploy"]);
  expect(refused.code).toBe(5);
  expect(refused.out + refused.err).toContain("0003-labels: was never prepared");

  const users = { asked: 0, stopping: false, wrong: [] as number[] };
  const load = (async () => {
    for (; !users.stopping; users.asked++) {
      const { status } = await fetch(`${app.url}/items/k${String((users.asked % 100) + 1)}`);
      if (status !== 200) users.wrong.push(status);
    }
  })();
  const unknown = await app.run(["steps", "frobnicate", "0001-counted"]);
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain("There is no `hitless steps frobnicate`.");
  const prepared = await app.run(["prepare", "--detach"]);
  expect(prepared.code, prepared.err).toBe(0);
  await until(async () => ((await steps(app))["0002-count"]?.progress?.done ?? 0) > 3, {
    within: 60_000,
    what: "the program counts",
  });
  process.kill((await scene.client.info()).pid, "SIGKILL");
  await scene.up();

  await until(async () => (await steps(app))["0003-labels"]?.state === "done", { within: 60_000, what: "labels are done" });
  const unfinished = await app.run(["deploy"]);
  expect(unfinished.out + unfinished.err).toContain("`hitless steps approve 0004-agreed`");
  expect((await app.run(["steps", "approve", "0004-agreed"])).code).toBe(0);
  const followed = await app.run(["steps", "--follow"]);
  expect(followed.code, followed.out + followed.err).toBe(0);

  expect(await query(url, "SELECT count(*)::int AS n FROM items WHERE label <> trim(label)")).toEqual([{ n: 0 }]);
  expect(await query(url, "SELECT count(*)::int AS n FROM counted")).toEqual([{ n: 15 }]);
  expect(await query(url, "SELECT channel FROM items WHERE key = 'k1'")).toEqual([{ channel: "web" }]);
  const { deployment } = await app.deploy();
  expect(deployment.outcome).toBe("done");
  users.stopping = true;
  await load;
  expect(users.wrong).toEqual([]);
  expect(users.asked).toBeGreaterThan(20);
});
