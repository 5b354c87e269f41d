import { referencesTo, type Catalog, type Table, type View } from "../catalog.ts";
import { sameName, type ObjectName } from "../names.ts";

/** The part of a catalog that a copy holds: whole databases are copied only as far as the SQL in question can reach. */
export interface Scope {
  readonly tables: readonly Table[];
  readonly views: readonly View[];
}

/** What the texts name, with what hangs together with it: partitions, views with what they read, and tables one foreign key away. */
export function scopeOf(catalog: Catalog, texts: readonly string[]): Scope {
  const words = new Set(texts.flatMap((text) => text.match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []));
  const named = ({ name }: { readonly name: string }): boolean =>
    words.has(name) || (!PLAIN.test(name) && texts.some((text) => text.includes(`"${name}"`)));
  const types = catalog.types.filter(named).map(({ name }) => name);
  const concerned = (table: Table): boolean =>
    named(table) || table.indexes.some(named) || table.columns.some(({ type }) => types.some((name) => type.includes(name)));
  const tables = new Map(catalog.tables.filter(concerned).map((table) => [key(table), table]));
  const views = new Map(catalog.views.filter(named).map((view) => [key(view), view]));
  const byName = new Map([...catalog.tables, ...catalog.views].map((one) => [key(one), one]));
  const add = (name: ObjectName): boolean => {
    const found = byName.get(key(name));
    if (found === undefined || tables.has(key(name)) || views.has(key(name))) return false;
    if ("kind" in found) tables.set(key(name), found);
    else views.set(key(name), found);
    return true;
  };
  for (const table of [...tables.values()]) neighbors(catalog, table).forEach(add);
  for (let grown = true; grown;) {
    grown = false;
    for (const name of together(catalog, { tables, views })) grown = add(name) || grown;
  }
  return { tables: [...tables.values()], views: catalog.views.filter((view) => views.has(key(view))) };
}

/** Names that are one word of a text. */
const PLAIN = /^[\p{L}_][\p{L}\p{N}_$]*$/u;

const key = ({ schema, name }: ObjectName): string => JSON.stringify([schema, name]);

function neighbors(catalog: Catalog, table: Table): readonly ObjectName[] {
  const parents = table.constraints.flatMap(({ references }) => (references === null ? [] : [references]));
  return [...parents, ...referencesTo(catalog, table).map(({ table: child }) => child)];
}

interface Known {
  readonly tables: ReadonlyMap<string, Table>;
  readonly views: ReadonlyMap<string, View>;
}

/** A view cannot be without what it reads, and what it reads cannot be changed without it; a partition is part of its table. */
function together(catalog: Catalog, { tables, views }: Known): readonly ObjectName[] {
  const has = (name: ObjectName): boolean => tables.has(key(name)) || views.has(key(name));
  return [
    ...catalog.tables.filter(({ partitionOf }) => partitionOf !== null && has(partitionOf)),
    ...[...tables.values()].flatMap(({ partitionOf }) => (partitionOf === null ? [] : [partitionOf])),
    ...catalog.views.filter(({ reads }) => reads.some(has)),
    ...[...views.values()].flatMap(({ reads }) => reads),
  ];
}

export function isInScope({ tables }: Scope, name: ObjectName): boolean {
  return tables.some((table) => sameName(table, name));
}
