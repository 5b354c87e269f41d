import type { ChangeSet } from "../../database/change-set.ts";
import { qualified, type ObjectName } from "../../database/names.ts";
import type { AppliedMigration } from "../../database/pending.ts";
import type { ToolRow } from "../../database/source/bookkeeping.ts";
import type { JournalRow } from "../../ports/database.ts";
import type { Connection } from "./connection.ts";

/** What Hitless has kept in the schema `hitless`; nothing where that is not there yet. */
export async function readChangeSets(connection: Connection, app: string): Promise<readonly ChangeSet[]> {
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass('hitless.change_sets') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  // An earlier Hitless has made the table without the column for that.
  const keptUntil = "(extract(epoch FROM (to_jsonb(s) ->> 'kept_until')::timestamptz) * 1000)::float8";
  return connection.query<ChangeSet>(
    `SELECT app, release, state, plan, ${keptUntil} AS "keptUntilMs" FROM hitless.change_sets s WHERE app = $1 ORDER BY release`,
    [app],
  );
}

export async function readApplied(connection: Connection, app: string): Promise<readonly AppliedMigration[]> {
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass('hitless.migrations') IS NOT NULL AS there");
  if (there?.there !== true) return [];
  return connection.query<AppliedMigration>("SELECT version, checksum FROM hitless.migrations WHERE app = $1 ORDER BY version", [
    app,
  ]);
}

/** The journal is there where a change set is. */
export function readJournal(connection: Connection, app: string, release: number): Promise<readonly JournalRow[]> {
  return connection.query<JournalRow>("SELECT action, state, cursor FROM hitless.actions WHERE app = $1 AND release = $2", [
    app,
    release,
  ]);
}

export async function readToolRows(connection: Connection, table: ObjectName): Promise<readonly ToolRow[] | null> {
  const name = qualified(table);
  const [there] = await connection.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [name]);
  if (there?.there !== true) return null;
  return (await connection.query<{ row: ToolRow }>(`SELECT to_jsonb(t) AS row FROM ${name} t`)).map(({ row }) => row);
}

/** A question in SQL: the first column of the first row. */
export async function ask(connection: Connection, sql: string): Promise<boolean> {
  const [row] = await connection.query(sql);
  return Object.values(row ?? {})[0] === true;
}
