import { randomBytes } from "node:crypto";
import { ident, literal } from "../../../database/names.ts";
import type { Shadow, ShadowRequest, Shadows } from "../../../ports/shadow.ts";
import { connect, withoutPassword, type Connection } from "../connection.ts";
import type { Queryable } from "../queryable.ts";
import { CopyDatabase } from "./copy-database.ts";

const PREFIX = "hitless_shadow_";
/** What a run that was killed has left is removed by a later one. */
const STALE_S = 3_600;

/** Copies of databases, in this process or on a given server. */
export const postgresShadows: Shadows = { open };

async function open(request: ShadowRequest): Promise<Shadow> {
  return request.url === null ? inProcess(request) : onServer(request.url, request);
}

async function inProcess(request: ShadowRequest): Promise<Shadow> {
  const { InProcessDatabase } = await import("./in-process.ts");
  const database = await InProcessDatabase.open(request.extensions);
  try {
    await settle(database, request);
    const about = `PostgreSQL ${await versionOf(database)} in this process`;
    return new CopyDatabase(database, { about, close: () => database.close() });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function onServer(url: string, request: ShadowRequest): Promise<Shadow> {
  const server = await connect(url);
  const name = await freshName(server);
  let copy: Connection | null = null;
  const close = async (): Promise<void> => {
    try {
      await copy?.close();
      await server.query(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`);
    } finally {
      await server.close();
    }
  };
  try {
    await sweep(server);
    await server.query(`CREATE DATABASE ${ident(name)} TEMPLATE template0`);
    copy = await connect(databaseUrl(url, name));
    await settle(copy, request);
    const about = `PostgreSQL ${await versionOf(copy)} at ${withoutPassword(url).split("/")[0] ?? ""}`;
    return new CopyDatabase(copy, { about, close });
  } catch (error) {
    // Why it could not be made matters more than what could not be removed: a later run sweeps that away.
    await close().catch(() => undefined);
    throw error;
  }
}

/** With the server's own time in it: whoever sweeps need not agree with us on what time it is. */
async function freshName(server: Connection): Promise<string> {
  const [row] = await server.query<{ now: string }>("SELECT floor(extract(epoch FROM now()))::bigint AS now");
  return `${PREFIX}${row?.now ?? "0"}_${randomBytes(4).toString("hex")}`;
}

async function sweep(server: Connection): Promise<void> {
  const left = await server.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE datname ~ '^${PREFIX}[0-9]+_'
     AND split_part(datname, '_', 3)::bigint < extract(epoch FROM now()) - ${String(STALE_S)} AND pg_get_userbyid(datdba) = current_user`,
  );
  for (const { name } of left) await server.query(`DROP DATABASE IF EXISTS ${ident(name)} WITH (FORCE)`).catch(() => undefined);
}

/** Names and times mean what they mean in the real one. */
async function settle(database: Queryable, { searchPath, timeZone }: ShadowRequest): Promise<void> {
  const path = searchPath.map(ident).join(", ");
  await database.query(`SET search_path = ${path}; SET TimeZone = ${literal(timeZone)}; SET lock_timeout = '5s'`);
}

async function versionOf(database: Queryable): Promise<string> {
  const [row] = await database.query<{ version: string }>(
    "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
  );
  return row?.version ?? "";
}

function databaseUrl(url: string, name: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${name}`;
  return parsed.href;
}
