import type { Seen, SeenColumn, SeenRelation, SeenRoutine } from "../../database/seen/seen.ts";
import { ident } from "../../database/names.ts";
import { OWN } from "./catalog-scope.ts";
import type { Queryable } from "./queryable.ts";

const IN_PATH = "n.nspname = ANY (current_schemas(false))";

const RELATIONS = `
  SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind AS kind
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't' AND ${IN_PATH} AND pg_table_is_visible(c.oid) AND ${OWN("pg_class", "c.oid")}
  ORDER BY c.relname`;

/** The table's column under each column of a view that PostgreSQL itself would update: it stands in the view's parsed query. */
const UNDER = String.raw`
  SELECT w.ev_class AS view, m[1]::int2 AS num, m[2]::oid AS base, m[3]::int2 AS base_num
  FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class AND v.relkind = 'v',
       regexp_matches(w.ev_action::text, ':resno (\d+) :resname \S+ :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+)', 'g') m
  WHERE w.ev_action::text !~ 'SUBLINK' AND pg_column_is_updatable(v.oid, m[1]::int2, false)`;

const COLUMNS = String.raw`
  SELECT a.attrelid::text AS oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
         (b.attnotnull OR EXISTS (SELECT FROM pg_constraint x WHERE x.conrelid = b.attrelid AND x.contype = 'c' AND x.conkey = ARRAY[b.attnum]
            AND pg_get_constraintdef(x.oid) ~ '^CHECK \(\((\w+|"[^"]+") IS NOT NULL\)\)')) AS "notNull",
         CASE WHEN b.attidentity <> '' THEN 'identity' WHEN b.attgenerated <> '' THEN 'generated: ' || pg_get_expr(bd.adbin, bd.adrelid)
              ELSE COALESCE(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(bd.adbin, bd.adrelid)) END AS default
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN (${UNDER}) u ON u.view = a.attrelid AND u.num = a.attnum
  JOIN pg_attribute b ON b.attrelid = COALESCE(u.base, a.attrelid) AND b.attnum = COALESCE(u.base_num, a.attnum)
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_attrdef bd ON bd.adrelid = b.attrelid AND bd.adnum = b.attnum
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND ${IN_PATH}
  ORDER BY a.attrelid, a.attnum`;

const ROUTINES = `
  SELECT p.oid::text, n.nspname AS schema, p.proname AS name, p.prokind AS kind, pg_get_function_arguments(p.oid) AS arguments,
         array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(t, place) ORDER BY place), ', ') AS types,
         pg_get_function_result(p.oid) AS returns,
         concat_ws(' ', l.lanname, p.provolatile, p.proisstrict, p.prosecdef, p.proconfig, p.prosrc) AS body
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
  WHERE ${IN_PATH} AND pg_function_is_visible(p.oid) AND ${OWN("pg_proc", "p.oid")}
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid AND t.tgname ~ '^zz_hitless_')
  ORDER BY p.proname`;

/** What PostgreSQL has parsed, with every name qualified. */
const PARSED = `
  SELECT oid::text, pg_get_viewdef(oid) AS sql FROM pg_class WHERE relkind IN ('v', 'm') AND oid = ANY ($1::oid[])
  UNION ALL SELECT oid::text, pg_get_function_sqlbody(oid) FROM pg_proc WHERE prosqlbody IS NOT NULL AND oid = ANY ($1::oid[])`;

const RELATION_KINDS = { r: "table", p: "table", f: "foreign table", v: "view", m: "materialized view" } as const;
const ROUTINE_KINDS = { f: "function", p: "procedure", a: "aggregate", w: "window function" } as const;

interface Raw {
  readonly oid: string;
}
type RawRelation = Raw & Omit<SeenRelation, "kind" | "columns" | "definition"> & { readonly kind: keyof typeof RELATION_KINDS };
type RawRoutine = Raw & Omit<SeenRoutine, "kind"> & { readonly kind: keyof typeof ROUTINE_KINDS };

/** What a session with this `search_path` sees, at one moment. */
export async function readSeen(database: Queryable, searchPath: readonly string[]): Promise<Seen> {
  const path = searchPath.map(ident);
  await database.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ${path.join(", ")}`);
  const columns = Map.groupBy(await database.query<SeenColumn & Raw>(COLUMNS), ({ oid }) => oid);
  const relations = await database.query<RawRelation>(RELATIONS);
  const routines = await database.query<RawRoutine>(ROUTINES);
  await database.query("SET LOCAL search_path = pg_catalog");
  const oids = [...relations, ...routines].map(({ oid }) => oid);
  const rows = await database.query<Raw & { readonly sql: string }>(PARSED, [oids]);
  await database.query("COMMIT");
  // As its author wrote it, for the names that the path finds.
  const parsed = new Map(
    rows.map(({ oid, sql }) => [oid, path.reduce((text, schema) => text.replaceAll(`${schema}.`, ""), sql)]),
  );
  return {
    relations: relations.map(({ oid, kind, ...relation }) => ({
      ...relation,
      kind: RELATION_KINDS[kind],
      columns: (columns.get(oid) ?? []).map(({ oid: _, ...column }) => column),
      definition: parsed.get(oid) ?? null,
    })),
    routines: routines.map(({ oid, kind, body, ...routine }) => ({
      ...routine,
      kind: ROUTINE_KINDS[kind],
      body: `${body}${parsed.get(oid) ?? ""}`,
    })),
  };
}
