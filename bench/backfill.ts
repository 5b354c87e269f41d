/**
 * `npm run bench:backfill`: how many rows a second Hitless fills, beside one plain UPDATE and beside the usual algorithm, on the same data in one run.
 * The result is printed and written into docs/benchmarks.md.
 */
import { parseArgs } from "node:util";
import pg from "pg";
import { query, startServer, type TestServer } from "../test/support/postgres/server.ts";
import { backfillIn } from "../test/support/postgres/backfill.ts";
import { backfillOf, narrow, wide, type Shape } from "./backfill/shapes.ts";
import { touchRows } from "./backfill/touch.ts";
import { machine, writeSection } from "./page.ts";
import { median } from "./table.ts";

interface Contender {
  readonly name: string;
  fill(url: string, shape: Shape): Promise<unknown>;
}

const CONTENDERS: readonly Contender[] = [
  {
    name: "one plain UPDATE",
    fill: (url, { up }) => query(url, `UPDATE t SET filled = ${up}`),
  },
  { name: "Hitless", fill: (url, shape) => backfillIn(url, backfillOf(shape)) },
  {
    name: "Hitless, one connection",
    fill: (url, shape) => backfillIn(url, backfillOf(shape), { workers: 1 }),
  },
  {
    name: "Hitless, along pages",
    fill: (url, shape) => backfillIn(url, { ...backfillOf(shape), lazy: true }),
  },
  {
    name: "1,000 rows touched at a time",
    fill: (url, shape) => connected(url, (client) => touchRows(client, shape)),
  },
];

async function connected(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** The database that every measurement gets a copy of. */
async function seedOf(server: TestServer, shape: Shape): Promise<string> {
  const url = await server.database();
  await query(url, shape.create);
  await query(url, "VACUUM (ANALYZE) t");
  // Hitless' own tables are made once in the life of a database.
  await backfillIn(url, { ...backfillOf(shape), where: "false" });
  return url;
}

/** Rows per second, on a table that is new, vacuumed and on the disk. */
async function measure(seed: string, shape: Shape, contender: Contender): Promise<number> {
  const [name, admin] = [new URL(seed).pathname.slice(1), seed.replace(/[^/]*$/, "postgres")];
  await query(admin, `CREATE DATABASE measured TEMPLATE ${name} STRATEGY file_copy`);
  await query(admin, "CHECKPOINT");
  const url = seed.replace(/[^/]*$/, "measured");
  const started = performance.now();
  await contender.fill(url, shape);
  const ms = performance.now() - started;
  const [row] = await query<{ wrong: string }>(url, `SELECT count(*) AS wrong FROM t WHERE filled IS DISTINCT FROM ${shape.up}`);
  if (row?.wrong !== "0") throw new Error(`${contender.name}: ${row?.wrong ?? "?"} rows are wrong`);
  await query(admin, "DROP DATABASE measured WITH (FORCE)");
  return (shape.rows / ms) * 1_000;
}

/** In turn, again and again, so that whatever else the machine does hits all of them alike. */
async function measureAll(server: TestServer, shape: Shape, rounds: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const seed = await seedOf(server, shape);
  const rates = new Map<string, number[]>(CONTENDERS.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < CONTENDERS.length; turn++) {
      const contender = CONTENDERS[(round + turn) % CONTENDERS.length]!;
      const rate = await measure(seed, shape, contender);
      rates.get(contender.name)!.push(rate);
      console.error(`${shape.name}, round ${String(round + 1)}: ${contender.name} ${rate.toFixed(0)} rows/s`);
    }
  }
  return rates;
}

const thousands = (value: number): string => `${(value / 1_000).toFixed(1)}k`;

function table(shape: Shape, rates: ReadonlyMap<string, readonly number[]>): string {
  const [plain, touch] = [CONTENDERS[0]!, CONTENDERS.at(-1)!].map(({ name }) => median(rates.get(name)!)) as [number, number];
  const judged = (ratio: number, target: number, own: boolean): string => {
    const text = `${ratio.toFixed(2)} ×`;
    if (!own) return text;
    return ratio >= target ? `**${text}** (≥ ${String(target)})` : `${text} (target ${String(target)})`;
  };
  const lines = CONTENDERS.map(({ name }) => {
    const all = rates.get(name)!;
    const own = name === "Hitless";
    const spread = `${thousands(median(all))} (${thousands(Math.min(...all))}–${thousands(Math.max(...all))})`;
    return `| ${name} | ${spread} | ${judged(median(all) / plain, shape.target.plain, own)} | ${judged(median(all) / touch, shape.target.touch, own)} |`;
  });
  return [`| ${shape.name} | rows/s | to one plain UPDATE | to touching rows |`, "| --- | --: | --: | --: |", ...lines].join(
    "\n",
  );
}

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "5" },
    narrow: { type: "string", default: "300000" },
    wide: { type: "string", default: "1000000" },
    write: { type: "boolean", default: true },
  },
});
const server = await startServer(18, ["fsync=on", "max_wal_size=4GB", "shared_buffers=512MB"]);
try {
  const shapes = [narrow(Number(values.narrow)), wide(Number(values.wide))].filter(({ rows }) => rows > 0);
  const args = process.argv.slice(2).join(" ");
  for (const shape of shapes) {
    const text = [
      table(shape, await measureAll(server, shape, Number(values.rounds))),
      "",
      `Medians of ${values.rounds} rounds (lowest–highest). PostgreSQL ${String(server.major)}, fsync on.`,
      `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench:backfill${args === "" ? "" : ` -- ${args}`}\`.`,
    ].join("\n");
    console.log(text);
    if (values.write) writeSection(`backfill-${shape.label}`, text);
  }
} finally {
  await server.stop();
}
