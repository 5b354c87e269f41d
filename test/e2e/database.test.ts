import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Scene, type AppDirectory } from "../support/scene.ts";
import { throughPgbouncer } from "../support/postgres/pgbouncer.ts";
import { query, startServer } from "../support/postgres/server.ts";
import { until } from "../support/temp.ts";

const APP = fileURLToPath(new URL("../support/apps/items.mjs", import.meta.url));
const PG_MODULE = import.meta.resolve("pg");

const ONE = {
  "migrations/0001_items.sql":
    "CREATE TABLE items (key text PRIMARY KEY, label text NOT NULL, amount int NOT NULL DEFAULT 0, note text, changed timestamptz DEFAULT now());",
  "procedures/put.sql": `CREATE FUNCTION put(item text, much int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO items (key, label, amount, note) VALUES (item, 'l' || item, much, 'n') ON CONFLICT (key) DO UPDATE SET amount = much; RETURN 1; END $$;`,
  "queries.json": JSON.stringify({
    put: "SELECT put($1, $2::int)",
    get: "SELECT amount AS value FROM items WHERE key = $1 AND label = 'l' || key",
  }),
};
const TWO = {
  "migrations/0002_titles.sql": `
    ALTER TABLE items RENAME COLUMN label TO title;
    ALTER TABLE items ALTER COLUMN amount TYPE bigint;
    ALTER TABLE items DROP COLUMN note;
    -- hitless: up items.channel = 'web'
    ALTER TABLE items ADD COLUMN channel text NOT NULL;`,
  "procedures/put.sql": `CREATE FUNCTION put(item text, much bigint, by text) RETURNS TABLE (stored bigint) LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO items (key, title, amount, channel) VALUES (item, 'l' || item, much, by) ON CONFLICT (key) DO UPDATE SET amount = much; RETURN QUERY SELECT much; END $$;`,
  "queries.json": JSON.stringify({
    put: "SELECT stored FROM put($1, $2::bigint, 'web')",
    get: "SELECT amount AS value FROM items WHERE key = $1 AND title = 'l' || key AND channel = 'web'",
  }),
};

function write(app: AppDirectory, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) app.write(file, text);
}

/** Users who look at what they have written, each time. */
function users(url: string): { stop: () => Promise<{ turns: number; wrong: readonly string[] }> } {
  const wrong: string[] = [];
  let turns = 0;
  let stopping = false;
  const use = async (user: number): Promise<void> => {
    for (let turn = 0; !stopping; turn++, turns++) {
      const key = `u${String(user)}x${String(turn % 20)}`;
      const put = await fetch(`${url}/items/${key}/${String(turn)}`, { method: "POST" });
      const by = await put.text();
      const got = await fetch(`${url}/items/${key}`);
      const text = await got.text();
      if (put.status !== 200 || got.status !== 200 || text.split(" ")[1] !== String(turn)) {
        wrong.push(`${key}=${String(turn)}: ${String(put.status)} ${by}, then ${String(got.status)} ${text}`);
      }
    }
  };
  const all = Promise.all([1, 2, 3].map(use));
  return {
    stop: async () => {
      stopping = true;
      await all;
      return { turns, wrong };
    },
  };
}

test("a release that renames, retypes, drops, adds NOT NULL and changes a procedure's signature: forth, back, forth and contracted under load, no wrong value", async () => {
  const server = await startServer(18);
  onTestFinished(() => server.stop());
  const url = await server.database();
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("items");
  for (const directory of ["migrations", "procedures"]) mkdirSync(join(app.path, directory));
  copyFileSync(APP, join(app.path, "items.mjs"));
  const configure = (contractAfter: string): void => {
    app.configure(
      { command: [process.execPath, "items.mjs"], env: { DATABASE_URL: url, PG_MODULE } },
      { database: { migrations: "migrations", procedures: "procedures", contractAfter, shadowUrl: url } },
    );
  };
  configure("1h");
  write(app, ONE);
  await app.deploy();
  const load = users(app.url);

  write(app, TWO);
  await app.deploy();
  const back = await app.run(["rollback"]);
  expect(back.code, back.err).toBe(0);
  configure("0s");
  await app.deploy();
  const columns =
    "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) AS is FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'items'";
  const contracted = "key text, title text, changed timestamp with time zone, amount bigint, channel text";
  await until(async () => (await query<{ is: string }>(url, columns))[0]?.is === contracted, {
    within: 30_000,
    what: "the database is contracted",
  });
  const { turns, wrong } = await load.stop();
  expect(wrong).toEqual([]);
  expect(turns).toBeGreaterThan(50);
  expect(await query(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'hitless\\_%'")).toEqual([]);
  expect(await query(url, "SELECT pg_get_function_identity_arguments(oid) AS is FROM pg_proc WHERE proname = 'put'")).toEqual([
    { is: "item text, much bigint, by text" },
  ]);

  const tooLate = await app.run(["rollback", "r1"]);
  expect(tooLate.code).not.toBe(0);
  expect(tooLate.out + tooLate.err).toContain("r1 cannot use the database any more");
  expect((await app.status()).active).toBe("r3");
});

test("a migration that cannot be made safe stops the deployment before anything starts, with the SQL to write", async () => {
  const server = await startServer(18);
  onTestFinished(() => server.stop());
  const url = await server.database();
  await query(url, "CREATE TABLE items (key text PRIMARY KEY); INSERT INTO items VALUES ('a'); ANALYZE items;");
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("items");
  mkdirSync(join(app.path, "migrations"));
  app.configure({ env: { DATABASE_URL: url } }, { database: { migrations: "migrations", shadowUrl: url } });
  app.write("migrations/0001_label.sql", "\nALTER TABLE items ADD COLUMN label text NOT NULL;");
  const { code, out, err } = await app.run(["deploy"]);
  expect(code).toBe(3);
  expect(out + err).toContain("0001_label.sql:2: not-null-without-value");
  expect(out + err).toContain("-- hitless: up items.label =");
  expect(app.instanceProcesses()).toEqual([]);
});

test("a pooler that takes the options of the URL away stops the deployment before anything starts, with the reason", async () => {
  const server = await startServer(18);
  onTestFinished(() => server.stop());
  const url = await server.database();
  const pooled = await throughPgbouncer(url, { roles: ["postgres"], ignore: "extra_float_digits, options" });
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("items");
  mkdirSync(join(app.path, "migrations"));
  const database = { migrations: "migrations", directVariable: "DIRECT_URL" };
  app.configure({ env: { DATABASE_URL: pooled, DIRECT_URL: url } }, { database });
  app.write("migrations/0001_items.sql", "CREATE TABLE items (key text PRIMARY KEY);");
  const { code, out, err } = await app.run(["deploy"]);
  expect(code).not.toBe(0);
  expect(out + err).toContain("A session of r1 would not see the database as r1.");
  expect(out + err).toContain("`hitless.release` did not get through");
  expect(app.instanceProcesses()).toEqual([]);
});
