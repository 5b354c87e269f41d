import { literal } from "../../database/names.ts";
import type { Stretch } from "../../ports/database.ts";
import type { Queryable } from "./queryable.ts";

/** The condition for the rows after the cursor up to (and with) a key; of a table without a key, for the pages before a page. */
export function rangeSql({ key, cursor: { after } }: Stretch, upper: readonly string[] | null): readonly string[] {
  if (key.length === 0) {
    const from = after?.[0] ?? "0";
    return [`ctid >= '(${from},0)'::tid`, ...(upper === null ? [] : [`ctid < '(${upper[0] ?? "0"},0)'::tid`])];
  }
  return [
    ...(after === null ? [] : [`${rowOf(key)} > ${rowOf(after.map(literal))}`]),
    ...(upper === null ? [] : [`${rowOf(key)} <= ${rowOf(upper.map(literal))}`]),
  ];
}

/** The key (or page) that many rows (or pages) on; null: the stretch ends before that. */
export async function nextKey(database: Queryable, stretch: Stretch, size: number): Promise<readonly string[] | null> {
  const { key, table, cursor } = stretch;
  if (key.length === 0) {
    const next = Number(cursor.after?.[0] ?? "0") + size;
    return next >= Number(cursor.until?.[0] ?? "0") ? null : [String(next)];
  }
  const bounds = rangeSql(stretch, cursor.until);
  const [row] = await database.query<{ key: string[] }>(
    `SELECT ${keyTexts(key)} AS key FROM ${table} ${bounds.length === 0 ? "" : `WHERE ${bounds.join(" AND ")}`}
     ORDER BY ${key.join(", ")} OFFSET ${String(size - 1)} LIMIT 1`,
  );
  return row?.key ?? null;
}

/** The stretch from another place on. */
export function from(stretch: Stretch, after: readonly string[] | null): Stretch {
  return { ...stretch, cursor: { ...stretch.cursor, after } };
}

export function keyTexts(key: readonly string[]): string {
  return `ARRAY[${key.map((column) => `${column}::text`).join(", ")}]`;
}

export function rowOf(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] ?? "") : `(${parts.join(", ")})`;
}

/** By this, batches are told from what applications send: PostgreSQL keeps it with the statements that it counts. */
const OURS = "/* hitless */";

/** The relation under the name that expressions may call it by. */
export function relationSql({ table }: Stretch, named: string): string {
  return `${OURS} ${table === named ? table : `${table} AS ${named.slice(nameStart(named))}`}`;
}

/** Where the name begins in `"a.b"."c.d"`. */
function nameStart(quoted: string): number {
  const schema = /^(?:"(?:[^"]|"")*"|[^".]+)\./.exec(quoted);
  return schema?.[0].length ?? 0;
}
