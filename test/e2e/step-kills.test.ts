import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { StepStatus } from "../../src/api/steps.ts";
import { query, startServer } from "../support/postgres/server.ts";
import { Scene, type AppDirectory } from "../support/scene.ts";
import { until } from "../support/temp.ts";

const ROWS = 3_000;

/** A gate in the database that work waits at until the test opens it. */
const SETUP = `
CREATE TABLE gate (name text);
CREATE TABLE did (what text);
CREATE TABLE items (id int PRIMARY KEY, v int);
INSERT INTO items SELECT i FROM generate_series(1, ${String(ROWS)}) i;
CREATE FUNCTION at_gate(gate text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  WHILE NOT EXISTS (SELECT FROM gate WHERE name = at_gate.gate) LOOP PERFORM pg_sleep(0.02); END LOOP;
  RETURN 0;
END $$;`;

/** Six pieces, each with its checkpoint; after the third it waits for a file. */
const SHELL = `
n=$(cat "$HITLESS_CHECKPOINT" 2>/dev/null || echo 0)
while [ "$n" -lt 6 ]; do
  echo "command $n" >> "$LOG"
  n=$((n + 1))
  echo "$n" > "$HITLESS_CHECKPOINT"
  while [ "$n" = 3 ] && [ ! -e "$LOG.command" ]; do sleep 0.1; done
done`;
const MODULE = `
import { appendFileSync, existsSync } from "node:fs";
export async function run({ checkpoint = 0, save }) {
  for (let n = checkpoint; n < 6; n++) {
    appendFileSync(process.env.LOG, "function " + n + "\\n");
    await save(n + 1, { done: n + 1, total: 6 });
    while (n === 2 && !existsSync(process.env.LOG + ".function")) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}`;

/** Somebody who answers only when told to. */
class Slow {
  readonly keys: (string | undefined)[] = [];
  #waiting: ServerResponse[] = [];
  #answers = false;
  readonly #server = createServer((request, response) => {
    this.keys.push(request.headers["idempotency-key"]?.toString());
    if (this.#answers) response.end();
    else this.#waiting.push(response);
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/`;
  }

  answer(): void {
    this.#answers = true;
    for (const response of this.#waiting.splice(0)) response.end();
  }
}

async function step(app: AppDirectory, name: string): Promise<StepStatus | undefined> {
  return (await app.scene.client.steps(app.name)).find((one) => one.name === name);
}

/** Kills the daemon while the step is in the middle of its work, lets that go on, and waits until another daemon has seen it done. */
async function killIn(
  app: AppDirectory,
  name: string,
  middle: () => Promise<boolean> | boolean,
  open: () => unknown,
): Promise<void> {
  await until(async () => (await step(app, name))?.state === "running" && (await middle()), {
    within: 40_000,
    what: `the middle of ${name}`,
  });
  process.kill((await app.scene.client.info()).pid, "SIGKILL");
  await open();
  await app.scene.up();
  await until(async () => (await step(app, name))?.state === "done", { within: 40_000, what: `${name} is done` });
}

test("a daemon that is killed in the middle of a step of any kind: the next one brings it to its end, and its effect is there once", async () => {
  const server = await startServer(18);
  onTestFinished(() => server.stop());
  const url = await server.database();
  await query(url, SETUP);
  const other = new Slow();
  const scene = new Scene();
  onTestFinished(() => scene.close());
  const app = await scene.app("items");
  const log = join(scene.root, "log");
  mkdirSync(join(app.path, "migrations"));
  mkdirSync(join(app.path, "deploy/steps"), { recursive: true });
  app.configure({ env: { DATABASE_URL: url, LOG: log } }, { database: { migrations: "migrations" } });
  app.write("deploy/steps/0001-sql.sql", "INSERT INTO did VALUES ('sql'); SELECT at_gate('sql');");
  const set = `v = CASE id WHEN ${String(ROWS / 2)} THEN at_gate('rows') ELSE 0 END + coalesce(v, 0) + id`;
  app.write("deploy/steps/0002-rows.yaml", `update: { table: items, set: "${set}", where: v IS NULL }`);
  app.write("deploy/steps/0003-command.sh", SHELL);
  app.write("deploy/steps/0004-function.js", MODULE);
  app.write("deploy/steps/0005-http.yaml", `http: { url: "${await other.start()}" }`);
  app.write(
    "deploy/steps/0006-wait.yaml",
    "wait: { query: SELECT EXISTS (SELECT FROM gate WHERE name = 'wait'), every: 200ms }\nneeds: [0005-http]",
  );
  const prepared = await app.run(["prepare", "--detach"]);
  expect(prepared.code, prepared.out + prepared.err).toBe(0);

  const pass = (gate: string) => () => query(url, `INSERT INTO gate VALUES ('${gate}')`);
  const isAtGate = async (): Promise<boolean> =>
    (await query(url, "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")).length > 0;
  const lines = (): readonly string[] => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  await killIn(app, "0001-sql", isAtGate, pass("sql"));
  await killIn(app, "0002-rows", isAtGate, pass("rows"));
  await killIn(
    app,
    "0003-command",
    () => lines().length === 3,
    () => {
      writeFileSync(`${log}.command`, "");
    },
  );
  await killIn(
    app,
    "0004-function",
    () => lines().length === 9,
    () => {
      writeFileSync(`${log}.function`, "");
    },
  );
  await killIn(
    app,
    "0005-http",
    () => other.keys.length === 1,
    () => {
      other.answer();
    },
  );
  await killIn(app, "0006-wait", () => true, pass("wait"));

  expect(await query(url, "SELECT what FROM did")).toEqual([{ what: "sql" }]);
  expect(await query(url, "SELECT count(*)::int AS n FROM items WHERE v IS DISTINCT FROM id")).toEqual([{ n: 0 }]);
  const six = [0, 1, 2, 3, 4, 5];
  expect(lines()).toEqual([...six.map((n) => `command ${String(n)}`), ...six.map((n) => `function ${String(n)}`)]);
  // Nobody knows whether the first one came to its end: it is asked again, under the same key.
  expect(new Set(other.keys).size).toBe(1);
  expect(other.keys).toHaveLength(2);
});
