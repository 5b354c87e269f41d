import { child, text } from "./ast.ts";
import type { Node } from "./language.ts";

/** A table, view, index … by schema and name, unquoted. */
export interface ObjectName {
  readonly schema: string;
  readonly name: string;
}

/** Words that are more than a name somewhere in PostgreSQL's grammar; quoting one that is not costs nothing. */
const PLAIN = /^[a-z_][a-z0-9_$]*$/;
const RESERVED = new Set(
  (
    "all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate collation column " +
    "concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp " +
    "current_user default deferrable desc distinct do else end except exists false fetch filter for foreign freeze from full grant group " +
    "having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not " +
    "notnull null offset on only or order outer over overlaps placing primary references returning right row select session_user setof " +
    "similar some symmetric system_user table tablesample then to trailing true union unique user using values variadic verbose when " +
    "where window with bigint bit boolean char character coalesce dec decimal float greatest grouping int integer interval least national " +
    "nchar none normalize nullif numeric out overlay position precision real smallint substring time timestamp treat trim varchar " +
    "xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable"
  ).split(" "),
);

/** The name as it is written in SQL. */
export function ident(name: string): string {
  return PLAIN.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

export function qualified({ schema, name }: ObjectName): string {
  return `${ident(schema)}.${ident(name)}`;
}

/** A table as people write it (`users`, `shop."Users"`), in the given schema where it names none. */
export function writtenName(written: string, schema: string): ObjectName {
  const [name = "", own = schema] = written.split(".").map(unquoted).toReversed();
  return { schema: own, name };
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1) : name.toLowerCase();
}

export function literal(value: string): string {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return value.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

export function sameName(one: ObjectName, other: ObjectName): boolean {
  return one.schema === other.schema && one.name === other.name;
}

/** The name in a RangeVar, in the given schema where it names none. */
export function rangeName(relation: Node | null, schema: string): ObjectName {
  if (relation === null) return { schema, name: "" };
  return { schema: text(relation, "schemaname") || schema, name: text(relation, "relname") };
}

/** The relation of a statement that has one. */
export function relationOf(node: Node, schema: string): ObjectName {
  return rangeName(child(node, "relation"), schema);
}

/** Identifiers hold 63 bytes; what is longer is cut and made unlike others by a short sum of the whole. */
export function fitted(name: string): string {
  if (new TextEncoder().encode(name).length <= 63) return name;
  let sum = 0x811c9dc5;
  for (const char of name) sum = Math.imul(sum ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  const bytes = new TextEncoder().encode(name).slice(0, 54);
  return `${new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "")}_${sum.toString(16).padStart(8, "0")}`;
}

/** `hitless_shop_r42`: what release 42 of the app sees differently. App names have no underscore, so two apps never share one. */
export function overlaySchema(app: string, release: number): string {
  return `hitless_${app.replaceAll("-", "_")}_r${String(release)}`;
}

/** What is kept of an old release under a name that nobody else gives. */
export function keptName(release: number, name: string): string {
  return fitted(`hitless_kept_r${String(release)}_${name}`);
}

/** Whether a text has one of the names in it, as a word. In doubt it has. */
export function mentions(text: string, names: readonly string[]): boolean {
  const words = names.map((name) => name.replace(/\W/g, "."));
  return words.length > 0 && new RegExp(`\\b(${words.join("|")})\\b`).test(text);
}
