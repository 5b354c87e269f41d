/**
 * `npm run bench:syncs`: what an application's UPDATE costs while two releases are kept in step, beside the same UPDATE of a table that nothing is
 * done to, and beside the usual triggers. The result is printed and written into docs/benchmarks.md.
 */
import { parseArgs } from "node:util";
import pg from "pg";
import { expandIn, planOf } from "../test/support/postgres/release.ts";
import { query, startServer, type TestServer } from "../test/support/postgres/server.ts";
import { touchTriggers } from "./backfill/touch.ts";
import { cpuTimeOf } from "./cpu-time.ts";
import { machine, writeSection } from "./page.ts";
import { median } from "./table.ts";

/** A column that is being changed. */
interface Change {
  readonly name: string;
  readonly migration: string;
  /** The new column of the usual algorithm, and its value. */
  readonly touched: { readonly type: string; readonly up: string; readonly source: string };
  /** The application's statement. */
  readonly update: string;
  /** With a statement of its own for each row, as applications do; otherwise one for all. */
  readonly each?: true;
  /** The most it may cost, as a multiple of what it costs without. */
  readonly target: number;
}

const WIDENED = {
  migration: "ALTER TABLE t ALTER COLUMN n TYPE bigint;",
  touched: { type: "bigint", up: "n", source: "n" },
} as const;

const CHANGES: readonly Change[] = [
  { name: "int → bigint, that column is written", ...WIDENED, update: "n = n + 1", target: 2 },
  { name: "int → bigint, another column is written", ...WIDENED, update: "note = 'seen'", target: 1.1 },
  { name: "… that column, a statement for each row", ...WIDENED, update: "n = n + 1", each: true, target: 2 },
  { name: "… another column, a statement for each row", ...WIDENED, update: "note = 'seen'", each: true, target: 1.1 },
  {
    name: "a function of the old value, that column is written",
    migration:
      "-- hitless: up t.name = upper(name)\n-- hitless: down t.name = name\nALTER TABLE t ALTER COLUMN name TYPE varchar(100);",
    touched: { type: "varchar(100)", up: "upper(name)", source: "name" },
    update: "name = name || '!'",
    target: 2,
  },
];

type Ways = Readonly<Record<string, (url: string, change: Change) => Promise<unknown>>>;

const WAYS = {
  "no change under way": () => Promise.resolve(),
  Hitless: async (url: string, { migration }: Change) => expandIn(url, await planOf(url, 2, { migration })),
  "triggers on every write": (url: string, { touched: { type, up, source } }: Change) =>
    query(
      url,
      `ALTER TABLE t ADD COLUMN filled ${type}; UPDATE t SET filled = ${up};
       ${touchTriggers({ columns: ["id", "n", "name", "note"], up, source })}`,
    ),
} as const;
/** What of it a write of another column pays, one after the other (`--parts`). */
const PARTS = {
  "no change under way": () => Promise.resolve(),
  "a wider row": (url: string) => query(url, "ALTER TABLE t ADD COLUMN twin bigint; UPDATE t SET twin = n"),
  "and a check for nulls": async (url: string) => {
    await PARTS["a wider row"](url);
    return query(url, "ALTER TABLE t ADD CHECK (twin IS NOT NULL)");
  },
  "and a trigger that does not fire": async (url: string) => {
    await PARTS["and a check for nulls"](url);
    return query(
      url,
      `CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER idle BEFORE UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION idle()`,
    );
  },
  Hitless: WAYS.Hitless,
} as const satisfies Ways;

/** The database that every measurement of the way gets a copy of. */
async function seedOf(server: TestServer, change: Change, { way, rows }: { way: Ways[string]; rows: number }): Promise<string> {
  const url = await server.database();
  await query(
    url,
    `CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, name text NOT NULL, note text);
     INSERT INTO t SELECT i, i, 'name of ' || i, 'new' FROM generate_series(1, ${String(rows)}) i; ANALYZE t`,
  );
  await way(url, change);
  // All begin with the same pages, without room in them.
  await query(url, "VACUUM (FULL, ANALYZE) t");
  return url;
}

/** So many rows where each has a statement of its own. */
const EACH_ROWS = 20_000;

/** Microseconds of the server's processor for each row: what else the machine does is not in it. */
async function measure(server: TestServer, seed: string, { change, rows }: { change: Change; rows: number }): Promise<number> {
  const url = await server.database(new URL(seed).pathname.slice(1));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("CHECKPOINT; SET synchronous_commit = off");
  const [own] = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid, count(*) FROM t")).rows;
  const before = cpuTimeOf(own!.pid);
  const written = change.each === true ? await updateEach(client, change.update) : rows;
  if (change.each !== true) await client.query(`UPDATE t SET ${change.update}`);
  const spent = cpuTimeOf(own!.pid) - before;
  await client.end();
  await query(seed.replace(/[^/]*$/, "postgres"), `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  return spent / written;
}

/** Each in a transaction of its own; prepared, as drivers do it. */
async function updateEach(client: pg.Client, update: string): Promise<number> {
  for (let id = 1; id <= EACH_ROWS; id++)
    await client.query({ name: "each", text: `UPDATE t SET ${update} WHERE id = $1`, values: [id] });
  return EACH_ROWS;
}

async function measureAll(
  server: TestServer,
  change: Change,
  { ways, rounds, rows }: { ways: Ways; rounds: number; rows: number },
): Promise<string[]> {
  const names = Object.keys(ways);
  const seeds = new Map<string, string>();
  for (const [name, way] of Object.entries(ways)) seeds.set(name, await seedOf(server, change, { way, rows }));
  const times = new Map<string, number[]>(names.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const way = names[(round + turn) % names.length]!;
      const us = await measure(server, seeds.get(way)!, { change, rows });
      times.get(way)!.push(us);
      console.error(`${change.name}, round ${String(round + 1)}: ${way} ${us.toFixed(2)} µs a row`);
    }
  }
  return names.map((way) => line(change, way, times));
}

function line({ name, target }: Change, way: string, times: ReadonlyMap<string, readonly number[]>): string {
  const all = times.get(way)!;
  const ratio = median(all) / median(times.get("no change under way")!);
  const text = `${ratio.toFixed(2)} ×`;
  const judged =
    way !== "Hitless" ? text : ratio <= target ? `**${text}** (≤ ${String(target)})` : `${text} (target ${String(target)})`;
  return `| ${name} | ${way} | ${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}) | ${judged} |`;
}

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "7" },
    rows: { type: "string", default: "200000" },
    write: { type: "boolean", default: true },
    parts: { type: "boolean", default: false },
  },
});
const server = await startServer(18, ["fsync=on", "max_wal_size=4GB", "shared_buffers=512MB", "autovacuum=off"]);
try {
  const size = { rounds: Number(values.rounds), rows: Number(values.rows) };
  const lines: string[] = [];
  const ways = values.parts ? PARTS : WAYS;
  for (const change of values.parts ? CHANGES.filter(({ target }) => target < 2) : CHANGES)
    lines.push(...(await measureAll(server, change, { ...size, ways })));
  const text = [
    "| the change, and what is written | triggers | processor µs a row | to no change |",
    "| --- | --- | --: | --: |",
    ...lines,
    "",
    `${size.rows.toLocaleString("en-US")} rows in one UPDATE, or ${EACH_ROWS.toLocaleString("en-US")} in a statement each; medians of ${values.rounds} rounds (lowest–highest). PostgreSQL ${String(server.major)}, fsync on.`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench:syncs\`.`,
  ].join("\n");
  console.log(text);
  if (values.write && !values.parts) writeSection("syncs", text);
} finally {
  await server.stop();
}
