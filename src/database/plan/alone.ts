import { child, flag, openedList, optionNamed, text } from "../ast.ts";
import type { Node, ParsedStatement, SqlLanguage } from "../language.ts";
import { ident, literal, qualified, rangeName, type ObjectName } from "../names.ts";
import type { AloneRun } from "./action.ts";
import { concurrently } from "./alter.ts";

/** Names that PostgreSQL gives to what REINDEX CONCURRENTLY builds, and to what it has replaced. */
const REINDEXED = "_cc(new|old)[0-9]*$";

/** Somebody's statement outside of a transaction. What a try before has left unfinished is cleared first. */
export function aloneRun(statement: ParsedStatement, schema: string, language: SqlLanguage): AloneRun {
  const { kind, node, text: sql } = statement;
  if (kind === "IndexStmt" && flag(node, "concurrent")) {
    const table = rangeName(child(node, "relation"), schema);
    const name = text(node, "idxname");
    return name === "" ? unnamed(table, statement, language) : concurrently({ schema: table.schema, name, sql });
  }
  const detached = kind === "AlterTableStmt" ? detachedIn(node) : null;
  if (detached !== null) return detaching(rangeName(child(node, "relation"), schema), rangeName(detached, schema), sql);
  const isReindex = kind === "ReindexStmt" && optionNamed(node, "params", "concurrently") !== null;
  return { kind: "alone", sql, done: "SELECT false AS done", ...(isReindex ? { repair: reindexed(node, schema) } : {}) };
}

/** The partition of DETACH PARTITION … CONCURRENTLY. */
function detachedIn(node: Node): Node | null {
  const commands = openedList(node, "cmds").map(({ node: command }) => child(child(command, "def") ?? {}, "PartitionCmd") ?? {});
  return child(commands.find((command) => flag(command, "concurrent")) ?? {}, "name");
}

/**
 * Its first transaction leaves the partition pending, and then nothing but FINALIZE is allowed. Done is a table with all columns of the other one that
 * is no partition: a name that is mistaken is left to PostgreSQL to refuse.
 */
function detaching(table: ObjectName, partition: ObjectName, sql: string): AloneRun {
  const oid = (name: ObjectName): string => `to_regclass(${literal(qualified(name))})`;
  const [whole, part] = [oid(table), oid(partition)];
  const columns = (of: string): string =>
    `SELECT attname, atttypid FROM pg_attribute WHERE attrelid = ${of} AND attnum > 0 AND NOT attisdropped`;
  return {
    kind: "alone",
    sql,
    done: `SELECT EXISTS (SELECT FROM pg_class WHERE oid = ${part} AND NOT relispartition)
      AND ${whole} IS NOT NULL AND NOT EXISTS (${columns(whole)} EXCEPT ${columns(part)}) AS done`,
    repair: {
      broken: `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = ${whole} AND inhrelid = ${part} AND inhdetachpending) AS broken`,
      sql: `ALTER TABLE ${qualified(table)} DETACH PARTITION ${qualified(partition)} FINALIZE`,
    },
  };
}

/**
 * An index to which PostgreSQL gives a name, and another one when it is asked again: it is known by its definition, as the same index of a table for
 * the moment has it, that looks the same and has no rows.
 */
function unnamed(table: ObjectName, { node, text: sql }: ParsedStatement, language: SqlLanguage): AloneRun {
  const { tableSpace: _place, concurrent: _beside, ...plain } = node;
  const relation = { schemaname: "pg_temp", relname: table.name, inh: true, relpersistence: "p" };
  const like = `CREATE TEMP TABLE ${ident(table.name)} (LIKE ${qualified(table)}) ON COMMIT DROP`;
  const model = `pg_temp.${ident(table.name)}`;
  const alike = `FROM pg_index i JOIN pg_index m ON m.indrelid = ${literal(model)}::regclass
    AND m.indisunique = i.indisunique AND ${definition("m")} = ${definition("i")}
    WHERE i.indrelid = ${literal(qualified(table))}::regclass`;
  const asked = (query: string): string => [like, language.deparse({ IndexStmt: { ...plain, relation } }), query].join(";\n");
  return {
    kind: "alone",
    sql,
    done: asked(`SELECT EXISTS (SELECT ${alike} AND i.indisvalid) AS done`),
    repair: {
      broken: asked(`SELECT EXISTS (SELECT ${alike} AND ${LEFT}) AS broken`),
      found: asked(`SELECT ${DROP} AS sql ${alike} AND ${LEFT}`),
    },
  };
}

/** What is not valid, and is not about to become so. */
const LEFT = `NOT i.indisvalid AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.datname = current_database() AND p.relid = i.indrelid)`;
const DROP = `(SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = i.indexrelid)`;

/** From the method on: names of index and table are before it. */
function definition(of: string): string {
  return `substring(pg_get_indexdef(${of}.indexrelid) from ' USING .*')`;
}

/** What is left of a REINDEX: of the index, of the table with its partitions and TOAST, of the schema, or of all. */
function reindexed(node: Node, schema: string): { readonly broken: string; readonly found: string } {
  const subject = literal(qualified(rangeName(child(node, "relation"), schema)));
  const from = `FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE x.relname ~ ${literal(REINDEXED)} AND ${LEFT} AND pg_has_role(x.relowner, 'USAGE') AND ${about(node, subject)}`;
  return { broken: `SELECT EXISTS (SELECT ${from}) AS broken`, found: `SELECT ${DROP} AS sql ${from}` };
}

function about(node: Node, subject: string): string {
  switch (text(node, "kind")) {
    case "REINDEX_OBJECT_INDEX":
      return `t.oid IN (SELECT indrelid FROM pg_index WHERE indexrelid IN (SELECT to_regclass(${subject}) UNION SELECT relid FROM pg_partition_tree(to_regclass(${subject}))))`;
    case "REINDEX_OBJECT_TABLE":
      return `EXISTS (SELECT FROM pg_class o WHERE o.oid IN (SELECT to_regclass(${subject}) UNION SELECT relid FROM pg_partition_tree(to_regclass(${subject})))
        AND t.oid IN (o.oid, o.reltoastrelid))`;
    case "REINDEX_OBJECT_SCHEMA":
      return `EXISTS (SELECT FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE n.nspname = ${literal(text(node, "name"))} AND t.oid IN (o.oid, o.reltoastrelid))`;
    default:
      return "true";
  }
}
