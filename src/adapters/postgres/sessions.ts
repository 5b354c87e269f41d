import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import { ident, literal } from "../../database/names.ts";
import { releaseRole, sessionRelease } from "../../database/session-release.ts";
import type { ReleaseSession } from "../../database/release-url.ts";
import type { SessionSight } from "../../ports/database.ts";
import { connect, type Connection } from "./connection.ts";

const NO_PRIVILEGE = "42501";

/** What a session with this URL sees, asked as an instance would ask. */
export async function sightOf(url: string, app: string): Promise<SessionSight> {
  const connection = await connect(url);
  try {
    const [sight] = await connection.query<{ schemas: string[]; release: number | null }>(
      `SELECT current_schemas(false)::text[] AS schemas, ${sessionRelease(app)} AS release`,
    );
    return { schemas: sight?.schemas ?? [], release: sight?.release ?? null };
  } finally {
    await connection.close();
  }
}

/**
 * The role under which a release logs in: a member of the URL's own role with the same password, for which names are looked up where its release
 * wants them. Safe to repeat. @throws ERR_DATABASE_PRIVILEGE with the SQL for an administrator
 */
export async function makeRole(
  connection: Connection,
  url: string,
  { app, release, searchPath }: ReleaseSession,
): Promise<string> {
  const role = releaseRole(app, release);
  const { username, password } = new URL(url);
  const secret = password === "" ? "" : ` PASSWORD ${literal(decodeURIComponent(password))}`;
  const sql = [
    `CREATE ROLE ${ident(role)} LOGIN INHERIT${secret} IN ROLE ${ident(decodeURIComponent(username))}`,
    `ALTER ROLE ${ident(role)} SET search_path = ${searchPath.map(ident).join(", ")}`,
  ];
  const [there] = await connection.query<{ path: string[] | null }>("SELECT rolconfig AS path FROM pg_roles WHERE rolname = $1", [
    role,
  ]);
  const wanted = `search_path=${searchPath.map(ident).join(", ")}`;
  if (there?.path?.includes(wanted) === true) return role;
  try {
    await connection.query(sql.slice(there === undefined ? 0 : 1).join(";\n"));
    return role;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== NO_PRIVILEGE) throw error;
    throw privilege(error, role, secret === "" ? sql : sql.map((line) => line.replace(secret, " PASSWORD '…'")));
  }
}

/** Roles of releases that never come back. One that owns something stays: it is no harm, and its objects are somebody's. */
export async function dropRoles(connection: Connection, app: string, before: number): Promise<void> {
  const pattern = `^${releaseRole(app, 0).slice(0, -1)}([0-9]+)$`;
  const roles = await connection.query<{ role: string }>(
    "SELECT rolname AS role FROM pg_roles WHERE substring(rolname from $1)::int < $2",
    [pattern, before],
  );
  for (const { role } of roles) await connection.query(`DROP ROLE ${ident(role)}`).catch(() => undefined);
}

function privilege(error: pg.DatabaseError, role: string, sql: readonly string[]): HitlessError {
  return new HitlessError(
    {
      code: "ERR_DATABASE_PRIVILEGE",
      what: `The role ${role}, under which this release logs in, could not be made.`,
      why: error.message,
      next: "Give the role of the URL CREATEROLE and ADMIN OPTION on itself, or let an administrator run this, and deploy again:",
      details: sql.map((line) => `${line};`),
    },
    { cause: error },
  );
}
