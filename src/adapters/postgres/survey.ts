import { queryOver } from "../../database/backfill/range-query.ts";
import { literal } from "../../database/names.ts";
import type { Backfill } from "../../database/plan/action.ts";
import type { Stretch, Survey } from "../../ports/database.ts";
import { keyTexts, rangeSql, relationSql } from "./range.ts";
import type { Sent } from "./guard.ts";
import type { Queryable } from "./queryable.ts";

/** A table smaller than this is walked in one go. */
const WORTH_CUTTING_ROWS = 100_000;
/** Rows that are looked at to find where to cut. */
const SAMPLE_ROWS = 20_000;

interface Leaf {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
  readonly pages: number;
}

/** What a backfill is up against. Its statement is planned, and so refused where it is wrong, without being run. */
export async function readSurvey(database: Queryable, backfill: Backfill, parts: number): Promise<Survey> {
  await probe(database, backfill);
  const leaves = await leavesOf(database, backfill);
  const stretches: Stretch[] = [];
  for (const leaf of leaves) {
    const share = Math.min(parts, Math.ceil((leaf.rows / WORTH_CUTTING_ROWS) * 2));
    for (const stretch of await cut(database, { backfill, leaf, parts: share })) {
      stretches.push({ ...stretch, part: stretches.length });
    }
  }
  const sum = (of: (leaf: Leaf) => number): number => leaves.reduce((whole, leaf) => whole + of(leaf), 0);
  const { triggers, quiet } = await readTriggers(database, backfill);
  return {
    stretches,
    rows: Math.round(sum(({ rows }) => rows)),
    bytes: sum(({ bytes }) => bytes),
    rowsPerSecond: await pastRate(database, backfill.table),
    triggers,
    quiet,
    halves: await isWorthHalving(database, backfill),
  };
}

async function probe(database: Queryable, backfill: Backfill): Promise<void> {
  const { before, sql } = probeOf(backfill);
  await database.query(`${before}${sql}`);
}

/** How the statement of a backfill is planned. What its author has written is the SQL: the query, or what is set and the condition. */
export function probeOf({ table, set, where, query, delete: deletes }: Backfill): Sent {
  if (query !== undefined) return { before: "EXPLAIN ", sql: queryOver(query, () => ["false"]) };
  const what = deletes === true ? `DELETE FROM ${table}` : `UPDATE ${table} SET `;
  return { before: `EXPLAIN ${what}`, sql: `${deletes === true ? "" : set} WHERE ${where}` };
}

/** The partitions, or the table itself. A row that would move between partitions is found only by way of the whole. */
async function leavesOf(database: Queryable, { table, columns }: Backfill): Promise<readonly Leaf[]> {
  return database.query<Leaf>(
    `WITH whole AS (SELECT ${literal(table)}::regclass AS oid),
     moving AS (
       SELECT EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[])
         WHERE p.partrelid IN (SELECT relid FROM pg_partition_tree((SELECT oid FROM whole)))
           AND (a.attname = ANY ($1::text[]) OR $1 IS NULL)) AS moves),
     leaf AS (
       SELECT t.relid AS oid FROM pg_partition_tree((SELECT oid FROM whole)) t WHERE t.isleaf AND NOT (SELECT moves FROM moving)
       UNION SELECT oid FROM whole WHERE (SELECT moves FROM moving) OR NOT EXISTS (SELECT FROM pg_partition_tree((SELECT oid FROM whole)))),
     sized AS (
       SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name,
         GREATEST(c.reltuples, (SELECT sum(GREATEST(pc.reltuples, 0)) FROM pg_partition_tree(c.oid) t JOIN pg_class pc ON pc.oid = t.relid WHERE t.isleaf)) AS tuples,
         c.relpages, GREATEST(pg_relation_size(c.oid), 0) AS bytes
       FROM leaf JOIN pg_class c ON c.oid = leaf.oid JOIN pg_namespace n ON n.oid = c.relnamespace)
     SELECT CASE WHEN oid = (SELECT oid FROM whole) THEN ${literal(table)} ELSE name END AS "table", bytes::float8 AS bytes,
       (bytes / current_setting('block_size')::int + 1)::float8 AS pages,
       GREATEST(0, CASE WHEN tuples >= 0 AND relpages > 0 THEN tuples / relpages * (bytes / current_setting('block_size')::int)
         WHEN tuples > 0 THEN tuples ELSE bytes / 100 END)::float8 AS rows
     FROM sized ORDER BY name`,
    [columns ?? null],
  );
}

/** Ranges of about the same number of rows, cut by a sample of the keys. */
async function cut(database: Queryable, from: { backfill: Backfill; leaf: Leaf; parts: number }): Promise<readonly Stretch[]> {
  const { backfill, leaf, parts } = from;
  const walksPages = backfill.key.length === 0 || (backfill.lazy === true && backfill.once !== true);
  const key = walksPages ? [] : backfill.key;
  const bare = { part: 0, table: leaf.table, key, cursor: { after: null, until: null, rows: 0 } };
  const bounds = walksPages ? pageBounds(leaf.pages, parts) : [...(await keyBounds(database, bare, { leaf, parts })), null];
  const last = bounds.length - 1;
  const end = !walksPages && backfill.once === true ? await lastKey(database, bare) : null;
  return bounds.map((bound, index) => {
    const start = index === 0 ? null : (bounds[index - 1] ?? null);
    const until = index === last ? (bound ?? end) : bound;
    return { ...bare, cursor: { from: start, after: start, until, rows: 0 } };
  });
}

function pageBounds(pages: number, parts: number): readonly (readonly string[])[] {
  const count = Math.max(1, Math.min(parts, pages));
  return Array.from({ length: count }, (_, index) => [String(Math.floor((pages * (index + 1)) / count))]);
}

async function keyBounds(
  database: Queryable,
  { table, key }: Stretch,
  { leaf: { rows }, parts }: { leaf: Leaf; parts: number },
): Promise<readonly (readonly string[])[]> {
  if (parts <= 1) return [];
  const percent = Math.min(100, (SAMPLE_ROWS / rows) * 100);
  const names = key.join(", ");
  const found = await database.query<{ key: string[] }>(
    `SELECT DISTINCT ON (tile) ${keyTexts(key)} AS key
     FROM (SELECT ${names}, ntile(${String(parts)}) OVER (ORDER BY ${names}) AS tile FROM ${table} TABLESAMPLE SYSTEM (${String(percent)})) AS sample
     WHERE tile < ${String(parts)} ORDER BY tile, ${key.map((column) => `${column} DESC`).join(", ")}`,
  );
  return found.map((row) => row.key);
}

/** The last key now: where rows that come later are not the backfill's business. */
async function lastKey(database: Queryable, stretch: Stretch): Promise<readonly string[] | null> {
  const order = stretch.key.map((column) => `${column} DESC`).join(", ");
  const [row] = await database.query<{ key: string[] }>(
    `SELECT ${keyTexts(stretch.key)} AS key FROM ${relationSql(stretch, stretch.table)}
     WHERE ${[...rangeSql(stretch, null), "true"].join(" AND ")} ORDER BY ${order} LIMIT 1`,
  );
  return row?.key ?? null;
}

/**
 * The application's own triggers that the statement would fire, and whether they can be left out: only for a fill (a statement that somebody wrote
 * has its triggers), only with the privilege, and not where a foreign key would be left unchecked with them.
 */
async function readTriggers(database: Queryable, backfill: Backfill): Promise<{ triggers: readonly string[]; quiet: boolean }> {
  const columns = backfill.columns ?? null;
  const triggers = await database.query<{ name: string }>(
    `SELECT DISTINCT tgname AS name FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgrelid IN (SELECT relid FROM pg_partition_tree($1::regclass) UNION SELECT $1::regclass)
       AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & $2 <> 0 AND p.pronamespace::regnamespace::text !~ '^hitless'
       AND (t.tgattr = '' OR $3::text[] IS NULL OR EXISTS (
         SELECT FROM pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[]) AND a.attname = ANY ($3::text[])))
     ORDER BY 1`,
    [backfill.table, backfill.delete === true ? 8 : 16, columns],
  );
  if (triggers.length === 0 || backfill.once === true || columns === null)
    return { triggers: triggers.map(({ name }) => name), quiet: false };
  const [may] = await database.query<{ quiet: boolean }>(
    `SELECT ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
         ${(await version(database)) >= 150_000 ? "OR has_parameter_privilege('session_replication_role', 'SET')" : ""})
       AND NOT EXISTS (SELECT FROM pg_constraint c JOIN pg_attribute a ON a.attname = ANY ($2::text[])
         AND (c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey) OR c.confrelid = a.attrelid AND a.attnum = ANY (c.confkey))
         WHERE c.contype = 'f' AND a.attrelid = $1::regclass) AS quiet`,
    [backfill.table, columns],
  );
  return { triggers: triggers.map(({ name }) => name), quiet: may?.quiet === true };
}

/**
 * Whether rows that stay in their pages save work: with one index there is little to save, and an index of the changed column has to be told anyhow.
 * Doing a range twice must do no harm.
 */
async function isWorthHalving(database: Queryable, { table, columns, once, ...backfill }: Backfill): Promise<boolean> {
  if (once === true || backfill.delete === true || columns === undefined) return false;
  const [row] = await database.query<{ worth: boolean }>(
    `SELECT count(*) >= 2 AND NOT COALESCE(bool_or(EXISTS (
       SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = ANY ($2::text[]) AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (
         SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))), false) AS worth
     FROM pg_index i WHERE i.indrelid = $1::regclass`,
    [table, columns],
  );
  return row?.worth === true;
}

async function version(database: Queryable): Promise<number> {
  const [row] = await database.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Number(row?.version ?? 0);
}

async function pastRate(database: Queryable, table: string): Promise<number | null> {
  const [row] = await database.query<{ rate: number }>(
    `SELECT (record->>'rowsPerSecond')::float8 AS rate FROM hitless.actions
     WHERE record IS NOT NULL AND (record->>'rowsPerSecond')::float8 > 0 ORDER BY (record->>'table' = $1) DESC, changed_at DESC LIMIT 1`,
    [table],
  );
  return row?.rate ?? null;
}
