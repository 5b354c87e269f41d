import { chmodSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serve, type Call } from "../api/transport/serve.ts";
import { controlRoutes } from "./holder/control.ts";
import { Holder } from "./holder/holder.ts";
import { jsonLog } from "./holder/json-log.ts";
import { RouteFile } from "./holder/route-file.ts";

/**
 * The proxy program: `main.ts --state <directory> [--workers n] [--version v]`. Started by the daemon, detached, with its output in
 * `<directory>/proxy/proxy.log`; SIGTERM drains and ends it.
 */
const DRAIN_MS = 10_000;

const { values } = parseArgs({
  options: { state: { type: "string" }, workers: { type: "string" }, version: { type: "string", default: "0" } },
});
if (values.state === undefined) throw new Error("--state <directory> is missing");

const directory = join(values.state, "proxy");
mkdirSync(directory, { recursive: true, mode: 0o700 });
chmodSync(directory, 0o700);
const log = jsonLog({ program: "proxy", pid: process.pid });
const workers = values.workers === undefined ? Math.max(2, availableParallelism() - 1) : Number(values.workers);
const holder = new Holder({ workers, version: values.version, directory, routeFile: new RouteFile(directory, log), log });

let ending = false;
const end = (drainMs: number): void => {
  if (ending) return;
  ending = true;
  log.info("the proxy drains and ends", { drainMs });
  void holder.close(drainMs).then(() => {
    server.close();
    process.exit(0);
  });
};

// The socket comes first: it shows at once whether another proxy works here. Calls wait until the saved tables are served.
const started = Promise.withResolvers<undefined>();
const routes = controlRoutes(holder, end).map((route) => ({
  ...route,
  handle: async (call: Call) => {
    await started.promise;
    return route.handle(call);
  },
}));
const server = await serve(join(directory, "control.sock"), routes, log);
await holder.start();
started.resolve(undefined);
process.on("SIGTERM", () => {
  end(DRAIN_MS);
});
process.on("SIGINT", () => {
  end(DRAIN_MS);
});
process.on("SIGHUP", () => undefined);
process.on("uncaughtException", (error) => {
  log.error("an error was not expected; the proxy goes on", { error: error.stack ?? String(error) });
});
log.info("the proxy is ready", { workers });
