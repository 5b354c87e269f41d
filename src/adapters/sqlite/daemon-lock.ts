import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HitlessError, type Failure } from "../../base/error.ts";

/** A database that nobody refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<DatabaseSync>();

export interface LockOptions {
  readonly directory: string;
  /** `<name>.lock` is the lock, `<name>.json` says who has it. */
  readonly name: string;
  /** What is thrown when another process has it; `who` is a sentence about that one. */
  readonly busy: (who: string) => Failure;
}

/**
 * Makes this process the only one that has the lock, for as long as it lives. An exclusive SQLite transaction is the lock: the kernel releases it with the
 * process, so that it is never stale.
 * @throws what `busy` says, ERR_STATE_DIRECTORY
 */
export function acquireLock({ directory, name, busy }: LockOptions): { release(): void } {
  const path = join(directory, `${name}.lock`);
  const holder = join(directory, `${name}.json`);
  const database = open(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw isBusy(error) ? new HitlessError(busy(whoHolds(holder))) : unusable(path, error);
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

/** Makes this process the only daemon on the state directory. @throws ERR_DAEMON_RUNNING naming who has it, ERR_STATE_DIRECTORY */
export function acquireDaemonLock(stateDirectory: string): { release(): void } {
  return acquireLock({
    directory: stateDirectory,
    name: "daemon",
    busy: (why) => ({
      code: "ERR_DAEMON_RUNNING",
      what: `Another daemon already works on ${stateDirectory}.`,
      why,
      next: "Use that one, stop it with `hitless down --keep-instances`, or name another directory with --state.",
    }),
  });
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

/** Whether another process has the database at this moment (SQLITE_BUSY, SQLITE_LOCKED). */
export function isBusy(error: unknown): boolean {
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
