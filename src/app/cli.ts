import { hostname, userInfo } from "node:os";
import type { DatabaseTools } from "../cli/host.ts";
import { Output } from "../cli/output.ts";
import { runCli } from "../cli/program.ts";
import { ensureDaemon } from "./background.ts";
import { runDaemon } from "./daemon.ts";
import { runStateServer } from "./run-state-server.ts";
import { defaultStateDirectory } from "./state-directory.ts";
import { VERSION } from "./version.ts";

/** What is under way when all is said has so long to end. */
const LINGER_MS = 100;

/** What a shell says of a program that SIGPIPE has ended. */
const PIPE_CLOSED = 141;
/** These serve others, whether or not anybody still reads what they print. */
const SERVICES = ["daemon", "state-server", "up"];

/** In `hitless status | head -3` nobody reads the rest: that is no error to show. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!SERVICES.includes(process.argv[2] ?? "")) process.exit(PIPE_CLOSED);
});

/** The program `hitless`. */
const output = new Output(process.stdout, process.stderr);
process.exitCode = await runCli(
  process.argv.slice(2),
  {
    version: VERSION,
    cwd: process.cwd(),
    env: process.env,
    operator: operator(),
    defaultStateDirectory: () => defaultStateDirectory(process.env),
    database: {
      plan: async (target) => (await databaseTools()).plan(target),
      status: async (target) => (await databaseTools()).status(target),
      diff: async (target, releases) => (await databaseTools()).diff(target, releases),
      contract: async (target, note) => (await databaseTools()).contract(target, note),
      undo: async (target, note) => (await databaseTools()).undo(target, note),
      guidelines: async () => (await databaseTools()).guidelines(),
    },
    planAhead: async (target) => (await import("./ahead.ts")).planAheadOf(target),
    ensureDaemon,
    runDaemon,
    runStateServer,
    onInterrupt: (listener) => {
      process.on("SIGINT", listener);
      return () => {
        process.off("SIGINT", listener);
      };
    },
  },
  output,
);
/*
 * It ends by itself. A detached follower still has a call under way that nobody waits for: that is not let go on. Not at once for everybody, because process.exit() waits
 * for V8's threads, and one of these may be waiting for the main thread to collect garbage: `hitless db plan` stood still for good in one of twenty runs on a busy machine.
 */
setTimeout(() => process.exit(), LINGER_MS).unref();

/** Only those who ask for it wait for a PostgreSQL client to load. */
async function databaseTools(): Promise<DatabaseTools> {
  return (await import("./database-tools.ts")).databaseTools;
}

function operator(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid ${String(process.getuid?.() ?? "?")}@${hostname()}`;
  }
}
