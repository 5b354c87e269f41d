import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRng, type Rng } from "../../../src/base/rng.ts";
import { query, startServer, type TestServer } from "../../support/postgres/server.ts";

/** `HITLESS_KILLS=200 HITLESS_SEED=7 npx vitest run test/integration/database/backfill-kills.test.ts` */
const KILLS = Number(process.env.HITLESS_KILLS ?? 5);
const SEED = Number(process.env.HITLESS_SEED ?? 1);
const ROWS = 40_000 + KILLS * 3_000;
const RUNNER = new URL("../../support/postgres/backfill-process.ts", import.meta.url).pathname;
const CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hitless'";

/** What a writer of the application does to a row, at the same time to the book of writes. */
const WRITE = 1_000;

let server: TestServer;
beforeAll(async () => {
  // Hitless' batches do not wait for the disk; the application's writes do.
  server = await startServer(18);
}, 60_000);
afterAll(() => server.stop());

it.each([
  // Doing a row twice shows.
  { what: "count", done: `n % ${String(WRITE)} = 1`, wrong: "m IS NOT NULL", value: 1 },
  // With a second index: every second row first.
  { what: "number", done: "m IS NOT NULL", wrong: "m IS DISTINCT FROM id * 2", value: 0 },
])(
  `does each row exactly once ($what) through ${String(KILLS)} kills of the runner, its connections and the database, beside writers`,
  async ({ what, done, wrong, value }) => {
    const url = await server.database();
    await query(
      url,
      `CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, m int); INSERT INTO t SELECT i, 0 FROM generate_series(1, ${String(ROWS)}) i;
       CREATE INDEX ON t (id, n); CREATE TABLE writes (id int NOT NULL); ANALYZE`,
    );
    const rng = createRng(SEED);
    const writers = [1, 2].map((seed) => new Writer(url, createRng(SEED * 10 + seed)));
    let ended = false;
    for (let kill = 0; kill < KILLS && !ended; kill++) {
      ended = await killed(url, what, rng);
      expect(await counted(url, done), `after kill ${String(kill + 1)}`).toEqual({ same: true });
    }
    expect(ended, "all kills came before its end").toBe(false);
    const runner = started(url, what);
    expect(await once(runner, "exit")).toEqual([0, null]);
    for (const writer of writers) await writer.stop();
    const [sum] = await query(
      url,
      `SELECT count(*)::int AS wrong FROM t LEFT JOIN (SELECT id, count(*) AS times FROM writes GROUP BY id) w USING (id)
       WHERE n <> ${String(WRITE)} * COALESCE(times, 0) + ${String(value)} OR ${wrong}`,
    );
    expect(sum).toEqual({ wrong: 0 });
    const [kept] = await query(url, "SELECT state, (record->>'rows')::int AS rows FROM hitless.actions");
    expect(kept).toEqual({ state: "done", rows: ROWS });
    const [written] = await query<{ count: number }>(url, "SELECT count(*)::int FROM writes");
    expect(written?.count).toBeGreaterThan(KILLS);
  },
  60_000 + KILLS * 8_000,
);

/** What the journal counts is what was done, whatever was cut. */
async function counted(url: string, done: string): Promise<unknown> {
  const [row] = await query(
    url,
    `SELECT (SELECT COALESCE(sum((stretch->'cursor'->>'rows')::int), 0) FROM hitless.stretches) =
       (SELECT count(*) FROM t WHERE ${done}) AS same`,
  );
  return row;
}

function started(url: string, what: string): ChildProcess {
  return spawn(process.execPath, [RUNNER, url, what], { stdio: ["ignore", "pipe", "ignore"] });
}

/** Lets a runner do some batches, and kills something. True: the backfill had ended before. */
async function killed(url: string, what: string, rng: Rng): Promise<boolean> {
  const runner = started(url, what);
  const exit = once(runner, "exit");
  await batches(runner, rng.between(0, 12));
  const victim = rng.next();
  if (victim < 0.5) runner.kill("SIGKILL");
  else if (victim < 0.75) await query(url, CUT);
  else await server.crash();
  const [code] = (await exit) as [number | null];
  return code === 0;
}

/** Resolves after so many batches, or when the runner has ended. */
async function batches(runner: ChildProcess, count: number): Promise<void> {
  let seen = 0;
  for await (const piece of runner.stdout as AsyncIterable<Buffer>) {
    seen += piece.length;
    if (seen >= count) return;
  }
}

/** An application that goes on whatever becomes of its database. */
class Writer {
  readonly #url: string;
  readonly #rng: Rng;
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(url: string, rng: Rng) {
    this.#url = url;
    this.#rng = rng;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  #goesOn(): boolean {
    return !this.#stopping;
  }

  async #run(): Promise<void> {
    while (this.#goesOn()) {
      const client = new pg.Client({ connectionString: this.#url });
      client.on("error", () => undefined);
      try {
        await client.connect();
        while (this.#goesOn()) await this.#write(client);
      } catch {
        await sleep(20);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  async #write(client: pg.Client): Promise<void> {
    const id = String(this.#rng.between(1, ROWS));
    await client.query(
      `BEGIN; UPDATE t SET n = n + ${String(WRITE)} WHERE id = ${id}; INSERT INTO writes VALUES (${id}); COMMIT`,
    );
  }
}
