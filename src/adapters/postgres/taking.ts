import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import { connect, type Connection } from "./connection.ts";
import { JOURNAL_IS_THERE, JOURNAL_SCHEMA } from "./journal-schema.ts";

const LEAVING_MS = 2_000;
const LOOK_MS = 50;
const NO_PRIVILEGE = "42501";
/** For its transaction. Of two that make the same schema at the same time, IF NOT EXISTS lets one fail. */
const ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('hitless journal', 0))";

/** What a runner has while it changes a database. */
export interface Taken {
  /** Its session holds the lock. */
  readonly connection: Connection;
  /** Looks on while the other one waits. */
  readonly watcher: Connection;
  readonly app: string;
  /** Higher than that of every runner before. */
  readonly token: string;
  readonly url: string;
}

/** @throws ERR_DATABASE_BUSY, ERR_DATABASE_SESSION, ERR_DATABASE_PRIVILEGE */
export async function takeDatabase(url: string, app: string): Promise<Taken> {
  const connection = await connect(url);
  const watcher = await connect(url).catch(async (error: unknown) => {
    await connection.close();
    throw error;
  });
  try {
    if (await isPooled(connection, watcher)) throw pooled();
    return { connection, watcher, app, url, token: await take(connection, app) };
  } catch (error) {
    await Promise.all([connection.close(), watcher.close()]);
    throw error;
  }
}

/** Two connections that are served by one server process, or one that is served by two: a pooler that gives out its sessions by transaction. */
async function isPooled(one: Connection, other: Connection): Promise<boolean> {
  const pid = async (connection: Connection): Promise<number> =>
    (await connection.query<{ pid: number }>("SELECT pg_backend_pid() AS pid"))[0]?.pid ?? 0;
  const pids = [await pid(one), await pid(other), await pid(one)];
  return pids[0] === pids[1] || pids[0] !== pids[2];
}

function pooled(): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_SESSION",
    what: "Hitless reaches the database through a pooler that gives out sessions by transaction.",
    why: "Its locks belong to a session of its own.",
    next: "Put a URL that goes past the pooler into a variable, and name that in `database.directVariable`. Nothing was changed.",
  });
}

/** The advisory lock keeps two runners apart; the token stops one that lost its connection without knowing. */
async function take(connection: Connection, app: string): Promise<string> {
  if (!(await locked(connection, app))) {
    throw new HitlessError({
      code: "ERR_DATABASE_BUSY",
      what: `Another runner is changing the database of ${app}.`,
      next: "Wait for it, or end the session that is called hitless in pg_stat_activity. Nothing was changed.",
    });
  }
  try {
    const [there] = await connection.query<{ there: boolean }>(JOURNAL_IS_THERE);
    if (there?.there !== true) await connection.query(`${ALONE};\n${JOURNAL_SCHEMA}`);
  } catch (error) {
    throw privilege(error);
  }
  const [row] = await connection.query<{ token: string }>(
    "INSERT INTO hitless.runners AS r VALUES ($1, 1) ON CONFLICT (app) DO UPDATE SET token = r.token + 1 RETURNING token",
    [app],
  );
  return row?.token ?? "0";
}

/** A runner that has just ended, or whose connection was cut, holds the lock until its server process is gone. */
async function locked(connection: Connection, app: string): Promise<boolean> {
  const until = performance.now() + LEAVING_MS;
  for (;;) {
    const [lock] = await connection.query<{ held: boolean }>("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held", [
      `hitless ${app}`,
    ]);
    if (lock?.held === true) return true;
    if (performance.now() >= until) return false;
    await sleep(LOOK_MS);
  }
}

function privilege(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== NO_PRIVILEGE) return error;
  return new HitlessError(
    {
      code: "ERR_DATABASE_PRIVILEGE",
      what: "The database role may not make schemas.",
      why: error.message,
      next: "GRANT CREATE ON DATABASE … TO the role of DATABASE_URL. Nothing was changed.",
    },
    { cause: error },
  );
}
