import {
  lookupPath,
  type Catalog,
  type Column,
  type Constraint,
  type Index,
  type Routine,
  type Table,
  type Trigger,
  type UserType,
  type View,
} from "../../database/catalog.ts";
import type { ObjectName } from "../../database/names.ts";
import { OURS, OWN } from "./catalog-scope.ts";
import { readParts } from "./catalog-parts.ts";
import type { Queryable } from "./queryable.ts";

const TABLES = `
  SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.reltuples AS rows, c.relpages AS pages,
         c.relrowsecurity AS "rowSecurity", (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
         pg_get_partkeydef(c.oid) AS "partitionKey", pn.nspname AS parent_schema, pc.relname AS parent
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
  LEFT JOIN pg_class pc ON pc.oid = i.inhparent LEFT JOIN pg_namespace pn ON pn.oid = pc.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND ${OURS} AND ${OWN("pg_class", "c.oid")}
  ORDER BY n.nspname, c.relname`;

const COLUMNS = `
  SELECT a.attrelid::text AS oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
         CASE WHEN a.attgenerated = '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS default, a.attidentity AS identity,
         a.attgenerated AS generated, CASE WHEN a.attgenerated <> '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS expression,
         CASE WHEN a.attcollation <> t.typcollation THEN (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
            FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation,
         s.stanullfrac AS "nullFraction"
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
  LEFT JOIN (SELECT schemaname, tablename, attname, null_frac AS stanullfrac FROM pg_stats) s
    ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND ${OURS}
  ORDER BY a.attrelid, a.attnum`;

const CONSTRAINTS = `
  SELECT x.conrelid::text AS oid, x.conname AS name, x.contype AS kind, pg_get_constraintdef(x.oid) AS definition,
         x.convalidated AS validated, fn.nspname AS ref_schema, fc.relname AS ref,
         ARRAY(SELECT a.attname::text FROM unnest(x.conkey) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = k.num ORDER BY k.place) AS columns
  FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class fc ON fc.oid = x.confrelid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
  WHERE x.contype IN ('p', 'u', 'c', 'f', 'x', 'n') AND ${OURS} ORDER BY x.conname`;

const INDEXES = `
  SELECT i.indrelid::text AS oid, c.relname AS name, i.indisunique AS unique, i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition,
         x.conname AS constraint,
         ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int[]) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE k.num > 0 ORDER BY k.place) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND x.contype IN ('p', 'u', 'x')
  WHERE ${OURS} ORDER BY c.relname`;

const TRIGGERS = `
  SELECT t.tgrelid::text AS oid, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition,
         (t.tgtype & 1 = 1 AND t.tgtype & 2 = 2 AND t.tgtype & 16 = 16) AS "beforeUpdate"
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND t.tgname !~ '^zz_hitless_' AND ${OURS} ORDER BY t.tgname`;

const VIEWS = `
  SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS materialized, pg_get_viewdef(c.oid) AS definition,
         COALESCE(c.reloptions, '{}') AS options,
         (SELECT json_agg(DISTINCT jsonb_build_object('schema', rn.nspname, 'name', rc.relname))
          FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
          JOIN pg_class rc ON rc.oid = d.refobjid AND rc.oid <> c.oid JOIN pg_namespace rn ON rn.oid = rc.relnamespace
          WHERE w.ev_class = c.oid) AS reads
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${OURS} AND ${OWN("pg_class", "c.oid")} ORDER BY 2, 3`;

const ROUTINES = `
  SELECT n.nspname AS schema, p.proname AS name, p.prokind AS kind,
         array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(t, place) ORDER BY place), ',') AS arguments,
         CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(p.oid) END AS definition
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${OURS} AND ${OWN("pg_proc", "p.oid")} ORDER BY 1, 2, 4`;

const TYPES = `
  SELECT n.nspname AS schema, t.typname AS name, t.typtype AS kind, format_type(NULLIF(t.typbasetype, 0), t.typtypmod) AS base,
         (t.typnotnull OR EXISTS (SELECT FROM pg_constraint x WHERE x.contypid = t.oid)) AS constrained,
         ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('e', 'd', 'r', 'c') AND (t.typtype <> 'c' OR c.relkind = 'c') AND ${OURS} AND ${OWN("pg_type", "t.oid")} ORDER BY 1, 2`;

const SEQUENCES = `
  SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND ${OURS} ORDER BY 1, 2`;

const SETTINGS = `
  SELECT current_setting('server_version_num')::int AS version, current_setting('TimeZone') AS "timeZone",
         (SELECT setting::int FROM pg_settings WHERE name = 'maintenance_work_mem') AS "maintenanceWorkMemKb",
         COALESCE((SELECT s FROM unnest(current_schemas(false)) s WHERE s !~ '^hitless_.*_r\\d+$' LIMIT 1), 'public') AS schema,
         ARRAY(SELECT s::text FROM unnest(current_schemas(false)) s WHERE s !~ '^hitless_.*_r\\d+$') AS path`;

interface OfTable {
  readonly oid: string;
}

/** Reads what is in the database, and nothing of its data. */
export async function readCatalog(database: Queryable): Promise<Catalog> {
  const [settings] =
    await database.query<Pick<Catalog, "version" | "timeZone" | "maintenanceWorkMemKb" | "schema" | "path">>(SETTINGS);
  if (settings === undefined) throw new Error("PostgreSQL gave no settings");
  const indexes = byTable(await database.query<RawIndex>(INDEXES), indexFrom);
  return {
    ...settings,
    tables: await readTables(database, indexes),
    views: (await database.query<RawView>(VIEWS)).map((row) => ({
      schema: row.schema,
      name: row.name,
      materialized: row.materialized,
      definition: row.definition,
      options: row.options,
      reads: row.reads ?? [],
      indexes: indexes.get(row.oid) ?? [],
    })),
    routines: (await database.query<RawRoutine>(ROUTINES)).map((row) => ({ ...row, kind: ROUTINE_KINDS[row.kind] })),
    types: (await database.query<RawType>(TYPES)).map((row) => ({ ...row, kind: TYPE_KINDS[row.kind] })),
    sequences: await database.query<ObjectName>(SEQUENCES),
    parts: await readParts(database),
  };
}

/** The base schema, and where names are looked up beside. */
export async function readWhereabouts(database: Queryable): Promise<{ readonly path: readonly string[] }> {
  const [settings] = await database.query<{ schema: string; path: readonly string[] }>(SETTINGS);
  return { path: lookupPath(settings ?? { schema: "public", path: [] }) };
}

async function readTables(database: Queryable, indexes: ReadonlyMap<string, readonly Index[]>): Promise<readonly Table[]> {
  const columns = byTable(await database.query<RawColumn>(COLUMNS), columnFrom);
  const constraints = byTable(await database.query<RawConstraint>(CONSTRAINTS), constraintFrom);
  const triggers = byTable(await database.query<Trigger & OfTable>(TRIGGERS), ({ name, definition, beforeUpdate }) => ({
    name,
    definition,
    beforeUpdate,
  }));
  return (await database.query<RawTable>(TABLES)).map((row) => ({
    schema: row.schema,
    name: row.name,
    kind: row.kind === "p" ? "partitioned" : row.kind === "f" ? "foreign" : "table",
    columns: columns.get(row.oid) ?? [],
    constraints: constraints.get(row.oid) ?? [],
    indexes: indexes.get(row.oid) ?? [],
    triggers: triggers.get(row.oid) ?? [],
    rows: row.rows,
    pages: row.pages,
    rowSecurity: row.rowSecurity,
    policies: row.policies,
    partitionOf: row.parent === null || row.parent_schema === null ? null : { schema: row.parent_schema, name: row.parent },
    partitionKey: row.partitionKey,
  }));
}

type RawTable = OfTable &
  Pick<Table, "schema" | "name" | "rows" | "pages" | "rowSecurity" | "policies" | "partitionKey"> & {
    readonly kind: string;
    readonly parent_schema: string | null;
    readonly parent: string | null;
  };
type RawColumn = OfTable & Omit<Column, "identity" | "generated"> & { readonly identity: string; readonly generated: string };
type RawConstraint = OfTable &
  Omit<Constraint, "kind" | "references"> & {
    readonly kind: keyof typeof CONSTRAINT_KINDS;
    readonly ref_schema: string | null;
    readonly ref: string | null;
  };
type RawIndex = OfTable & Index;
type RawView = OfTable & Omit<View, "reads" | "indexes"> & { readonly reads: View["reads"] | null };
type RawRoutine = Omit<Routine, "kind"> & { readonly kind: keyof typeof ROUTINE_KINDS };
type RawType = Omit<UserType, "kind"> & { readonly kind: keyof typeof TYPE_KINDS };

const CONSTRAINT_KINDS = { p: "primary", u: "unique", c: "check", f: "foreign", x: "exclude", n: "not null" } as const;
const ROUTINE_KINDS = { f: "function", p: "procedure", a: "aggregate", w: "window" } as const;
const TYPE_KINDS = { e: "enum", d: "domain", c: "composite", r: "range" } as const;

function columnFrom(row: RawColumn): Column {
  return {
    name: row.name,
    type: row.type,
    notNull: row.notNull,
    default: row.default,
    identity: row.identity === "a" ? "always" : row.identity === "d" ? "by default" : null,
    generated: row.generated === "s" ? "stored" : row.generated === "v" ? "virtual" : null,
    ...(row.expression === null ? {} : { expression: row.expression }),
    collation: row.collation,
    nullFraction: row.nullFraction,
  };
}

function constraintFrom({ oid: _, kind, ref, ref_schema: schema, ...rest }: RawConstraint): Constraint {
  return { ...rest, kind: CONSTRAINT_KINDS[kind], references: ref === null || schema === null ? null : { schema, name: ref } };
}

function indexFrom({ oid: _, ...index }: RawIndex): Index {
  return index;
}

function byTable<Row extends OfTable, T>(rows: readonly Row[], from: (row: Row) => T): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.oid, [...(groups.get(row.oid) ?? []), from(row)]);
  return groups;
}
