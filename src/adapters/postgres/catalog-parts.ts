import type { CatalogPart } from "../../database/catalog.ts";
import { OURS, OWN } from "./catalog-scope.ts";
import type { Queryable } from "./queryable.ts";

const NAME = "quote_ident(n.nspname) || '.' || quote_ident";

const SCHEMAS = `SELECT 'schema' AS kind, n.nspname AS name, format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname) AS sql
  FROM pg_namespace n WHERE ${OURS} AND n.nspname <> 'public'`;

const EXTENSIONS = `SELECT 'extension', e.extname, format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', e.extname, n.nspname)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql'`;

/** Those that policies and grants name; the copy's server may have one of that name, its own superuser above all. */
const ROLES = `SELECT 'role', r.rolname,
    format('DO $made$ BEGIN CREATE ROLE %I; EXCEPTION WHEN duplicate_object THEN NULL; END $made$', r.rolname) FROM pg_roles r
  WHERE r.rolname !~ '^pg_' AND r.rolname <> current_user
    AND (EXISTS (SELECT FROM pg_policy p WHERE r.oid = ANY (p.polroles))
      OR EXISTS (SELECT FROM pg_class c CROSS JOIN aclexplode(c.relacl) a WHERE a.grantee = r.oid))`;

const TYPES = `SELECT 'type', t.typname, CASE t.typtype
    WHEN 'e' THEN format('CREATE TYPE %s AS ENUM (%s)', ${NAME}(t.typname),
      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
    WHEN 'd' THEN format('CREATE DOMAIN %s AS %s%s%s', ${NAME}(t.typname), format_type(t.typbasetype, t.typtypmod),
      COALESCE(' DEFAULT ' || t.typdefault, ''),
      (SELECT COALESCE(string_agg(format(' CONSTRAINT %I %s', x.conname, regexp_replace(pg_get_constraintdef(x.oid), ' NOT VALID$', '')), ''), '')
       FROM pg_constraint x WHERE x.contypid = t.oid) ||
      CASE WHEN t.typnotnull AND NOT EXISTS (SELECT FROM pg_constraint x WHERE x.contypid = t.oid AND x.contype = 'n')
        THEN ' NOT NULL' ELSE '' END)
    WHEN 'c' THEN format('CREATE TYPE %s AS (%s)', ${NAME}(t.typname),
      (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
       FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    ELSE (SELECT format('CREATE TYPE %s AS RANGE (SUBTYPE = %s)', ${NAME}(t.typname), format_type(r.rngsubtype, NULL))
          FROM pg_range r WHERE r.rngtypid = t.oid) END
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('e', 'd', 'r', 'c') AND (t.typtype <> 'c' OR c.relkind = 'c') AND ${OURS} AND ${OWN("pg_type", "t.oid")}`;

/** Those of identity columns come with them. */
const SEQUENCES = `SELECT 'sequence', c.relname, format('CREATE SEQUENCE %s AS %s', ${NAME}(c.relname), format_type(s.seqtypid, NULL))
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS} AND ${OWN("pg_class", "c.oid")}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')`;

const OWNERS = `SELECT 'owner', t.relname,
    format('ALTER SEQUENCE %s OWNED BY %I.%I.%I', ${NAME}(c.relname), tn.nspname, t.relname, a.attname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a' AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE c.relkind = 'S' AND ${OURS}`;

const AGGREGATES = `SELECT 'aggregate', p.proname, format('CREATE AGGREGATE %s(%s) (SFUNC = %s, STYPE = %s%s%s)', ${NAME}(p.proname),
    CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END, g.aggtransfn::regproc,
    format_type(g.aggtranstype, NULL), CASE WHEN g.aggfinalfn <> 0 THEN ', FINALFUNC = ' || g.aggfinalfn::regproc ELSE '' END,
    COALESCE(', INITCOND = ' || quote_literal(g.agginitval), ''))
  FROM pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE g.aggkind = 'n' AND ${OURS} AND ${OWN("pg_proc", "p.oid")}`;

const PARTITIONS = `SELECT 'partition', c.relname, format('ALTER TABLE %I.%I ATTACH PARTITION %s %s', pn.nspname, p.relname,
    ${NAME}(c.relname), pg_get_expr(c.relpartbound, c.oid))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
  JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND ${OURS}`;

const POLICIES = `SELECT 'policy', c.relname, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, ${NAME}(c.relname),
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    COALESCE((SELECT string_agg(quote_ident(r.rolname), ', ') FROM pg_roles r WHERE r.oid = ANY (p.polroles)), 'PUBLIC'),
    COALESCE(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ''),
    COALESCE(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''))
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OURS}`;

const PARTS = [SCHEMAS, EXTENSIONS, ROLES, TYPES, SEQUENCES, AGGREGATES, PARTITIONS, OWNERS, POLICIES].join("\nUNION ALL\n");

/** What is there beside tables, views and routines. */
export function readParts(database: Queryable): Promise<readonly CatalogPart[]> {
  return database.query<CatalogPart>(PARTS);
}
