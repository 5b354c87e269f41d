import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HitlessError } from "../../base/error.ts";

/** A database that nobody refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Makes this process the only daemon on the state directory, for as long as it lives. An exclusive SQLite transaction is the lock: the kernel
 * releases it with the process, so that it is never stale.
 * @throws ERR_DAEMON_RUNNING naming who has it, ERR_STATE_DIRECTORY
 */
export function acquireDaemonLock(stateDirectory: string): { release(): void } {
  const path = join(stateDirectory, "daemon.lock");
  const holder = join(stateDirectory, "daemon.json");
  const database = open(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw unusable(path, error);
    throw new HitlessError({
      code: "ERR_DAEMON_RUNNING",
      what: `Another daemon already works on ${stateDirectory}.`,
      why: whoHolds(holder),
      next: "Use that one, stop it with `hitless down --keep-instances`, or name another directory with --state.",
    });
  }
  held.add(database);
  writeFileSync(holder, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }), { mode: 0o600 });
  return {
    release: () => {
      rmSync(holder, { force: true });
      held.delete(database);
      database.close();
    },
  };
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): HitlessError {
  return new HitlessError({
    code: "ERR_STATE_DIRECTORY",
    what: `${path} cannot be used.`,
    why: error instanceof Error ? error.message : String(error),
    next: "Check who owns the state directory; `--state` names another one.",
  });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && /locked|busy/i.test(error.message);
}

function whoHolds(path: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(path, "utf8")) as { pid: number; since: string };
    return `It is process ${String(pid)}, running since ${since}.`;
  } catch {
    return "It has not said which process it is.";
  }
}
