import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { acquireLock } from "../adapters/sqlite/daemon-lock.ts";
import { toFailure } from "../base/error.ts";
import { formatAddress } from "../sessions/server/listen-address.ts";
import { Handover } from "../sessions/server/handover.ts";
import { Inheritance, tellPredecessor } from "../sessions/server/inheritance.ts";
import { readOptions } from "../sessions/server/options.ts";
import { StateServer } from "../sessions/server/state-server.ts";
import type { Program } from "../sessions/server/successor.ts";
import { createLogger } from "./logger.ts";
import { STATE_SERVER_OPTIONS } from "./state-server-options.ts";
import { VERSION } from "./version.ts";

/**
 * The state server program: `state-server.ts --data <directory> …`, started by `hitless state-server` or by the daemon. Its log goes to standard error. SIGTERM and
 * SIGINT end it in order; SIGUSR2 replaces it by a new generation of the program on disk. With `--succeed` it is started by a running state server and
 * takes over from it.
 */
const READ_MS = 600_000;

const { values } = parseArgs({ options: { ...STATE_SERVER_OPTIONS, succeed: { type: "boolean", default: false } } });
const log = createLogger(null, "state-server");

try {
  await run();
} catch (error) {
  const failure = toFailure(error, "ERR_INVARIANT", "The state server could not be started.");
  log.error("the state server cannot go on", { ...failure });
  tellPredecessor({ kind: "failed", why: [failure.what, failure.why ?? ""].join(" ").trim() });
  // The message has to get out first.
  setTimeout(() => process.exit(1), 100);
}

async function run(): Promise<void> {
  const settings = readOptions({ ...values, data: values.data ?? "" }, VERSION);
  const { directory } = settings;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const lock = lockOn(directory);
  const server = new StateServer(settings, log, (why) => {
    log.error("the log cannot be trusted any more; a restart reads what is there", { why });
    process.exit(1);
  });
  const inheritance = values.succeed ? new Inheritance(server, lock.take) : null;
  const isComplete = (): boolean => inheritance?.isComplete ?? true;
  const handover = new Handover({ server, log, lock, exit: (code) => process.exit(code), isComplete });
  process.on("uncaughtException", (error) => {
    log.error("an error was not expected; the state server goes on", { error: error.stack ?? String(error) });
  });
  if (inheritance !== null) await inheritance.take();
  else {
    lock.take();
    await server.start();
  }
  let ending = false;
  const end = (signal: string): void => {
    if (ending) return;
    ending = true;
    log.info("the state server ends", { signal });
    void server.close().then(() => process.exit(0));
  };
  process.on("SIGTERM", end).on("SIGINT", end);
  process.on("SIGHUP", () => undefined);
  process.on("SIGUSR2", () => {
    handover.run(takeProgram(directory) ?? sameProgram(), READ_MS).catch((error: unknown) => {
      server.failedUpgrades += 1;
      log.error("the upgrade failed", { ...toFailure(error, "ERR_STATE_SERVER_UPGRADE", "") });
    });
  });
  const listen = server.listeners.addresses.map(formatAddress);
  log.info("the state server is ready", { version: VERSION, directory, listen, keys: server.store.keyspace.size });
}

/** The program that the daemon has named for taking over; good for one time. */
function takeProgram(directory: string): Program | null {
  const path = join(directory, "successor.json");
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Program;
  } catch {
    return null;
  } finally {
    rmSync(path, { force: true });
  }
}

/** What is on disk now under the name this program was started by. */
function sameProgram(): Program {
  return {
    command: process.execPath,
    args: [...process.execArgv, ...process.argv.slice(1).filter((word) => word !== "--succeed")],
  };
}

function lockOn(directory: string): { take: () => void; release: () => void } {
  let held: { release(): void } | null = null;
  return {
    take: () => {
      held = acquireLock({
        directory,
        name: "state-server",
        busy: (why) => ({
          code: "ERR_STATE_SERVER_RUNNING",
          what: `Another state server already works on ${directory}.`,
          why,
          next: "Use that one, end it, or name another directory with --data.",
        }),
      });
    },
    release: () => {
      held?.release();
      held = null;
    },
  };
}
