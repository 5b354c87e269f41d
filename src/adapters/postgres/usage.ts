import type { ChangeSet } from "../../database/change-set.ts";
import { qualified } from "../../database/names.ts";
import { releaseRole } from "../../database/session-release.ts";
import type { ReleaseConnections, UnnamedConnections } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

/** Which release a session says it is of: by the name that `DATABASE_URL` gives it, or by the role that has logged in. */
const RELEASE = `COALESCE(substring(application_name from '(?:^|\\s)' || $1 || '[.]r([0-9]+)$'), substring(usename from '^' || $2 || '([0-9]+)$'))::int`;
const OURS = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
const OLDEST = `(array_agg(json_build_object('pid', pid, 'query', left(query, 120),
  'ageMs', round(extract(epoch FROM clock_timestamp() - backend_start) * 1000)) ORDER BY backend_start))[1] AS oldest`;

function names(app: string): readonly [string, string] {
  return [app, releaseRole(app, 0).slice(0, -1)];
}

export function readConnections(database: Queryable, app: string): Promise<readonly ReleaseConnections[]> {
  return database.query<ReleaseConnections>(
    `SELECT ${RELEASE} AS release, count(*)::int AS connections, ${OLDEST} FROM pg_stat_activity
     WHERE ${OURS} AND ${RELEASE} IS NOT NULL GROUP BY 1 ORDER BY 1`,
    names(app),
  );
}

/**
 * Sessions of the app's role that do not say whose they are, as those of an application that sets its own `application_name`, and began before
 * the database had anything of the release: they cannot be of it.
 */
export async function readUnnamed(database: Queryable, app: string, release: number): Promise<readonly UnnamedConnections[]> {
  const [there] = await database.query<{ there: boolean }>("SELECT to_regclass('hitless.actions') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  return database.query<UnnamedConnections>(
    `SELECT application_name AS application, count(*)::int AS connections, ${OLDEST} FROM pg_stat_activity
     WHERE ${OURS} AND usename = session_user AND ${RELEASE} IS NULL AND application_name <> 'hitless'
       AND backend_start < (SELECT min(changed_at) FROM hitless.actions WHERE app = $1 AND release = $3)
     GROUP BY 1 ORDER BY 1`,
    [...names(app), release],
  );
}

/** How often the routines that a contract replaces or drops were called; they are counted where `track_functions` is on. What is kept softly was replaced before. */
export async function readCalls(database: Queryable, { plan, keptUntilMs }: ChangeSet): Promise<number> {
  const isKept = typeof keptUntilMs === "number";
  const contract = plan.actions.flatMap(({ phase, run, over }) =>
    phase === "contract" && run.kind === "transaction" && !(isKept && over !== undefined) ? run.sql : [],
  );
  const rows = await database.query<{ schema: string; name: string; calls: string }>(
    "SELECT schemaname AS schema, funcname AS name, sum(calls) AS calls FROM pg_stat_user_functions WHERE schemaname = $1 GROUP BY 1, 2",
    [plan.baseSchema],
  );
  return rows
    .filter((routine) => contract.some((sql) => sql.includes(`${qualified(routine)}(`)))
    .reduce((sum, { calls }) => sum + Number(calls), 0);
}
