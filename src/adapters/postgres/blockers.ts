import { LOCK_MODES, type LockMode } from "../../database/plan/action.ts";
import type { Blocker } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

/** A transaction younger than this will be gone before anybody feels that it was waited for. */
const YOUNG_MS = 150;
const FIELDS = `a.pid, COALESCE(a.application_name, '') AS application, COALESCE(a.usename, '') AS user, COALESCE(a.state, '') AS state,
  left(COALESCE(a.query, ''), 300) AS query, GREATEST(0, round(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000))::int AS "ageMs"`;

/** Nobody, at next to no cost, while it does not wait for a lock. */
export function blockersOf(database: Queryable, pid: number): Promise<readonly Blocker[]> {
  return database.query<Blocker>(
    `SELECT ${FIELDS} FROM pg_stat_activity a
     WHERE (SELECT wait_event_type FROM pg_stat_get_activity($1)) = 'Lock' AND a.pid = ANY((SELECT pg_blocking_pids($1))::int[])`,
    [pid],
  );
}

/** By its name without quotes, as plans give it: `to_regclass` would fold capitals and refuse blanks. */
const RELATION = `SELECT c.oid FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = substr($1, length(n.nspname) + 2)
  WHERE starts_with($1, n.nspname || '.')`;

export function holdersOf(database: Queryable, table: string, lock: LockMode): Promise<readonly Blocker[]> {
  return database.query<Blocker>(
    `SELECT DISTINCT ON (a.pid) ${FIELDS} FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'relation' AND l.relation IN (${RELATION}) AND l.granted AND l.mode = ANY($2)
       AND a.pid <> pg_backend_pid() AND a.application_name <> 'hitless' AND a.xact_start < clock_timestamp() - make_interval(secs => $3)`,
    [table, conflicting(lock), YOUNG_MS / 1000],
  );
}

/** PostgreSQL's table of conflicts: what may not be held by others. */
function conflicting(lock: LockMode): readonly string[] {
  const from: Readonly<Record<LockMode, LockMode>> = {
    "ACCESS SHARE": "ACCESS EXCLUSIVE",
    "ROW SHARE": "EXCLUSIVE",
    "ROW EXCLUSIVE": "SHARE",
    "SHARE UPDATE EXCLUSIVE": "SHARE UPDATE EXCLUSIVE",
    SHARE: "ROW EXCLUSIVE",
    "SHARE ROW EXCLUSIVE": "ROW EXCLUSIVE",
    EXCLUSIVE: "ROW SHARE",
    "ACCESS EXCLUSIVE": "ACCESS SHARE",
  };
  return LOCK_MODES.slice(LOCK_MODES.indexOf(from[lock]))
    .filter((mode) => !(lock === "SHARE" && mode === "SHARE"))
    .map(pgName);
}

/** As pg_locks says it: `AccessExclusiveLock`. */
function pgName(mode: LockMode): string {
  return `${mode.toLowerCase().replace(/(^| )(\w)/g, (_, _blank, letter: string) => letter.toUpperCase())}Lock`;
}
