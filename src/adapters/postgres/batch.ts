import { literal } from "../../database/names.ts";
import type { BackfillCursor, BatchOutcome, BatchRequest } from "../../ports/database.ts";
import type { Connection } from "./connection.ts";

interface Keeping {
  readonly app: string;
  readonly fence: string;
}

/** Walks over the next keys and changes the rows among them that are to do; the cursor moves in the same transaction. */
export async function runBatch(connection: Connection, request: BatchRequest, keeping: Keeping): Promise<BatchOutcome> {
  const { backfill, cursor } = request;
  const until = cursor.until ?? (backfill.once === true || backfill.key.length === 0 ? await lastKey(connection, request) : null);
  const upper = await nextKey(connection, request, until);
  const { table, set, where } = backfill;
  const what = backfill.delete === true ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`;
  const range = rangeSql(request, upper ?? until);
  const moved: BackfillCursor = { after: upper ?? until ?? cursor.after, until, rows: cursor.rows };
  const counts = await connection.counts(
    [
      "BEGIN",
      `SET LOCAL lock_timeout = ${String(request.lockTimeoutMs)}`,
      "SET LOCAL synchronous_commit = off",
      "SET LOCAL hitless.backfill = 'on'",
      keeping.fence,
      `${what} WHERE ${[...range, `(${where})`].join(" AND ")}`,
      saveCursor(request, moved, keeping.app),
      "COMMIT",
    ].join(";\n"),
  );
  return { kind: "walked", cursor: { ...moved, rows: cursor.rows + (counts[5] ?? 0) }, end: upper === null };
}

function rowOf(key: readonly string[]): string {
  return key.length === 1 ? (key[0] ?? "") : `(${key.join(", ")})`;
}

function valuesOf(key: readonly string[], values: readonly string[]): string {
  return key.length === 0 ? "" : rowOf(values.map(literal));
}

function rangeSql({ backfill: { key }, cursor }: BatchRequest, upper: readonly string[] | null): readonly string[] {
  if (key.length === 0) {
    const from = cursor.after?.[0] ?? "0";
    return [`ctid >= '(${from},0)'::tid`, ...(upper === null ? [] : [`ctid < '(${upper[0] ?? "0"},0)'::tid`])];
  }
  return [
    ...(cursor.after === null ? [] : [`${rowOf(key)} > ${valuesOf(key, cursor.after)}`]),
    ...(upper === null ? [] : [`${rowOf(key)} <= ${valuesOf(key, upper)}`]),
  ];
}

async function nextKey(
  connection: Connection,
  request: BatchRequest,
  until: readonly string[] | null,
): Promise<readonly string[] | null> {
  const { backfill, cursor, size } = request;
  if (backfill.key.length === 0) {
    const next = Number(cursor.after?.[0] ?? "0") + size;
    return next >= Number(until?.[0] ?? "0") ? null : [String(next)];
  }
  const bounds = rangeSql(request, until);
  const [row] = await connection.query<{ key: string[] }>(
    `SELECT ARRAY[${backfill.key.map((column) => `${column}::text`).join(", ")}] AS key FROM ${backfill.table}
     ${bounds.length === 0 ? "" : `WHERE ${bounds.join(" AND ")}`} ORDER BY ${backfill.key.join(", ")} OFFSET ${String(size - 1)} LIMIT 1`,
  );
  return row?.key ?? null;
}

/** The end of the walk, fixed when it begins: the last key, or the number of pages. */
async function lastKey(connection: Connection, { backfill: { table, key } }: BatchRequest): Promise<readonly string[] | null> {
  if (key.length === 0) {
    const [row] = await connection.query<{ pages: string }>(
      `SELECT (pg_relation_size(${literal(table)}::regclass) / current_setting('block_size')::int + 1)::text AS pages`,
    );
    return [row?.pages ?? "1"];
  }
  const order = key.map((column) => `${column} DESC`).join(", ");
  const [row] = await connection.query<{ key: string[] }>(
    `SELECT ARRAY[${key.map((column) => `${column}::text`).join(", ")}] AS key FROM ${table} ORDER BY ${order} LIMIT 1`,
  );
  return row?.key ?? null;
}

function saveCursor({ release, action, cursor }: BatchRequest, moved: BackfillCursor, app: string): string {
  return `INSERT INTO hitless.actions (app, release, action, state, cursor)
    VALUES (${literal(app)}, ${String(release)}, ${literal(action)}, 'running', ${literal(JSON.stringify({ ...moved, rows: cursor.rows }))})
    ON CONFLICT (app, release, action) DO UPDATE SET state = excluded.state, cursor = excluded.cursor, changed_at = now()`;
}
