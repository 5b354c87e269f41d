import { chmodSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Call } from "../api/transport/serve.ts";
import { ControlSocket } from "./holder/control-socket.ts";
import { controlRoutes } from "./holder/control.ts";
import { Holder } from "./holder/holder.ts";
import { jsonLog } from "./holder/json-log.ts";
import { receiveLegacy, sendToPredecessor, type Legacy } from "./holder/legacy.ts";
import { RouteFile } from "./holder/route-file.ts";
import { Upgrade } from "./holder/upgrade.ts";

/**
 * The proxy program: `main.ts --state <directory> [--workers n] [--version v]`. Started by the daemon, detached, with its output in
 * `<directory>/proxy/proxy.log`; SIGTERM drains and ends it. With `--succeed` it is started by a running proxy and takes over from it.
 */
const DRAIN_MS = 10_000;

const { values } = parseArgs({
  options: {
    state: { type: "string" },
    workers: { type: "string" },
    version: { type: "string", default: "0" },
    succeed: { type: "boolean", default: false },
  },
});
if (values.state === undefined) throw new Error("--state <directory> is missing");

const directory = join(values.state, "proxy");
mkdirSync(directory, { recursive: true, mode: 0o700 });
chmodSync(directory, 0o700);
const log = jsonLog({ program: "proxy", pid: process.pid });
/** One for each processor, and one more where there is only one: a worker that dies must not be the only one. */
const workers = values.workers === undefined ? Math.max(2, availableParallelism()) : Number(values.workers);
const legacy = values.succeed ? await orFail(receiveLegacy()) : null;
const holder = new Holder({ workers, version: values.version, directory, routeFile: new RouteFile(directory, log), log, legacy });
const upgrade: Upgrade = new Upgrade({
  holder,
  version: values.version,
  logPath: join(directory, "proxy.log"),
  log,
  control: () => control,
  exit: () => process.exit(0),
});

let ending = false;
const end = (drainMs: number): void => {
  if (ending) return;
  ending = true;
  log.info("the proxy drains and ends", { drainMs });
  void holder.close(drainMs).then(async () => {
    await control.close();
    process.exit(0);
  });
};

// The socket comes first: it shows at once whether another proxy works here. Calls wait until the saved tables are served.
const started = Promise.withResolvers<undefined>();
const routes = controlRoutes({ holder, upgrade, onShutdown: end }).map((route) => ({
  ...route,
  handle: async (call: Call) => {
    await started.promise;
    return route.handle(call);
  },
}));
const control: ControlSocket = new ControlSocket(directory, routes, log);
if (legacy === null) {
  await control.open();
  await holder.start();
} else {
  await orFail(succeed(legacy));
}
started.resolve(undefined);
process.on("SIGTERM", () => {
  end(DRAIN_MS);
});
process.on("SIGINT", () => {
  end(DRAIN_MS);
});
process.on("SIGHUP", () => {
  holder.tellWorkers({ kind: "reopenLogs" });
});
process.on("uncaughtException", (error) => {
  log.error("an error was not expected; the proxy goes on", { error: error.stack ?? String(error) });
});
log.info("the proxy is ready", { workers });

async function succeed({ go }: Legacy): Promise<void> {
  await holder.start();
  holder.throwIfIncomplete();
  sendToPredecessor({ kind: "prepared" });
  // Where the old generation has died, a daemon may have been faster in starting another one.
  if ((await go) === "orphaned" && (await control.answeredBy()) !== null)
    throw new Error("another proxy has taken the place of the one before");
  await holder.accept();
  await control.takeOver();
  sendToPredecessor({ kind: "committed" });
}

/** A new generation that cannot take over says why, and leaves everything to the old one. */
async function orFail<T>(beginning: Promise<T>): Promise<T> {
  try {
    return await beginning;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.error("this generation cannot take over", { why });
    sendToPredecessor({ kind: "failed", why });
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.exit(1);
  }
}
