import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DaemonClient } from "../src/cli/client.ts";
import { LoadProcess } from "../test/support/load/load-process.ts";
import { checkAll, type Check } from "./demo/checks.ts";
import { hitless } from "./demo/command.ts";
import { columns, storedOrders, takenOver, takeOver } from "./demo/orders.ts";
import { startPostgres, type DemoPostgres } from "./demo/postgres.ts";
import { Stage } from "./demo/stage.ts";
import { Workspace } from "./demo/workspace.ts";
import { freePort } from "../test/support/free-port.ts";

/**
 * The main job, end to end, on this machine alone: a shop with a database, users on it, an upgrade of both, a way back, forward again, and the proof
 * that not one request was lost and not one value is wrong. Exit code 0 only if every check holds and nothing is left running.
 */
const APP = "shop";
const REQUESTS_USUAL = 20_000;
const CALM_USUAL_MS = 2_000;
const PATIENCE_MS = 60_000;
/** Of the shop before this one. */
const OLD_ORDERS = 12_000;
const USERS = { rate: 1_500, keepAlive: 16, fresh: 4, post: 4, paths: ["/", "/api/products"], readBack: true } as const;

const { values: options } = parseArgs({ options: { requests: { type: "string", default: String(REQUESTS_USUAL) } } });
/** `--requests <n>`: a shorter or longer run of the same. */
const requestsWanted = Number(options.requests);
const calmMs = Math.min(CALM_USUAL_MS, (CALM_USUAL_MS * requestsWanted) / REQUESTS_USUAL);

const stage = new Stage();
const workspace = new Workspace();
const interrupted = new AbortController();
const env: NodeJS.ProcessEnv = { ...process.env, HITLESS_STATE: workspace.state };
const client = new DaemonClient(workspace.state, "demo");
let postgres: DemoPostgres | null = null;
let load: LoadProcess | null = null;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupted.abort(new Error(`ended by ${signal}`));
  });
}

let checks: readonly Check[] = [];
try {
  checks = await play();
} catch (error) {
  stage.still();
  stage.line();
  stage.line(stage.style("red", `✖ the demo stopped: ${error instanceof Error ? error.message : String(error)}`));
} finally {
  await tidyUp();
}
process.exitCode = checks.length > 0 && checks.every((check) => check.holds) && workspace.leftovers().length === 0 ? 0 : 1;

async function play(): Promise<readonly Check[]> {
  stage.title("1  A PostgreSQL, and a shop that keeps its orders in it");
  postgres = await startPostgres(workspace.database, await freePort());
  workspace.writeRelease1();
  const listen = `127.0.0.1:${String(await freePort())}`;
  Object.assign(env, { DATABASE_URL: postgres.url, SHOP_LISTEN: listen });
  stage.detail(`everything is in ${workspace.path} and goes away at the end`);

  stage.title("2  The first deployment: release r1, four instances   $ hitless deploy");
  await run("deploy");
  await takeOver(postgres, OLD_ORDERS);
  stage.detail(`http://${listen}/, with ${OLD_ORDERS.toLocaleString("en-US")} orders of the shop before`);

  stage.title("3  Users arrive: reading on kept and on new connections, ordering, and looking at what they have ordered");
  load = new LoadProcess({ ...USERS, url: `http://${listen}`, directory: workspace.path });
  stage.live(client, APP, load);
  await calm();

  stage.title("4  Release 2: a sale, and another database   $ hitless db plan");
  workspace.writeRelease2();
  for (const line of workspace.newSql()) stage.detail(stage.style("dim", line));
  await run("db", "plan");

  stage.title("5  What needs no new code goes ahead, under load: the database, and a step of the release   $ hitless prepare");
  await run("plan", "--no-shadow");
  await run("prepare");

  stage.title(
    "6  The upgrade to r2, under their eyes: both releases write to the same table, each as it knows it   $ hitless deploy",
  );
  await run("deploy");
  await calm();

  stage.title("7  Second thoughts: back to r1. What r2 has written, r1 reads   $ hitless rollback");
  await run("rollback");

  stage.title("8  And forward again   $ hitless deploy");
  await run("deploy");
  await untilEnough(load);

  stage.title("9  Nobody will go back: what only r1 needed is removed, under load   $ hitless db contract");
  stage.detail(`before  orders ${await columns(postgres)}`);
  await run("db", "contract");
  stage.detail(`after   orders ${await columns(postgres)}`);
  await calm();
  stage.still();

  stage.title("10  The proof   $ hitless report d2");
  const { report, answers } = await load.stop();
  await run("report", "d2");
  stage.title("11  Three books are compared: the clients', the proxy's, and the database's");
  const results = checkAll({
    load: report,
    ledger: await client.ledger(APP),
    answers,
    stored: await storedOrders(postgres),
    old: { wanted: OLD_ORDERS, ...(await takenOver(postgres)) },
    requestsWanted,
  });
  for (const { title, holds, detail } of results) {
    stage.detail(`${holds ? stage.style("green", "✔") : stage.style("red", "✖")} ${title}  ${stage.style("dim", detail)}`);
  }
  return results;
}

async function run(...args: string[]): Promise<void> {
  const code = await hitless(args, {
    directory: workspace.shop,
    env,
    onLine: (line) => {
      stage.detail(line);
    },
    signal: interrupted.signal,
  });
  if (code !== 0) throw new Error(`hitless ${args.join(" ")} ended with code ${String(code)}`);
}

function calm(): Promise<void> {
  return sleep(calmMs, undefined, { signal: interrupted.signal });
}

async function untilEnough(users: LoadProcess): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (users.requests < requestsWanted && Date.now() < until) await sleep(200, undefined, { signal: interrupted.signal });
}

/** `down` is refused while a deployment runs: one that was interrupted first goes back. */
async function stopEverything(): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  const down = (): Promise<number> => hitless(["down"], { directory: workspace.path, env, onLine: () => undefined });
  while ((await down().catch(() => 1)) !== 0 && Date.now() < until) {
    await client.request(APP, "abort").catch(() => undefined);
    await sleep(250);
  }
}

async function tidyUp(): Promise<void> {
  stage.still();
  load?.kill();
  await stopEverything();
  await postgres?.stop();
  const processes = workspace.leftovers();
  workspace.remove();
  stage.line();
  if (processes.length === 0)
    stage.line(stage.style("dim", "Everything the demo started has ended, and its directory is removed."));
  else for (const process of processes) stage.line(stage.style("red", `still running: ${process}`));
}
