import type { Catalog, CatalogPart, Column, Constraint, Table } from "../catalog.ts";
import { ident, qualified } from "../names.ts";
import { sampleRows } from "./sample.ts";
import { isInScope, type Scope } from "./scope.ts";

/** One statement of a copy. The order is right but for objects that need each other; who makes them tries again what failed. */
export interface CopyObject {
  /** For people, where it cannot be made; null: then it does not matter. */
  readonly what: string | null;
  readonly sql: string;
}

/** The catalog within the scope as SQL, with a few rows in each table. */
export function copyOf(catalog: Catalog, scope: Scope): readonly CopyObject[] {
  const { tables, views } = scope;
  const part = (...kinds: readonly CatalogPart["kind"][]): CopyObject[] => partsOf(catalog, scope, kinds);
  const each = (of: (table: Table) => readonly CopyObject[]): CopyObject[] => tables.flatMap(of);
  const kept = (kinds: readonly Constraint["kind"][]) => (table: Table) =>
    table.constraints
      .filter(({ kind, references }) => kinds.includes(kind) && (references === null || isInScope(scope, references)))
      .filter((constraint) => constraint.kind !== "not null" || !constraint.validated)
      .map((constraint) => addConstraint(table, constraint));
  return [
    ...part("schema", "role", "extension", "type", "sequence"),
    // Before the tables, whose columns may be computed by them; bodies are not looked at.
    ...catalog.routines.flatMap(({ name, definition }) => (definition === null ? [] : [{ what: `${name}()`, sql: definition }])),
    ...tables.map((table) => ({ what: `table ${table.name}`, sql: createTable(table) })),
    ...part("aggregate"),
    ...each(kept(["primary", "unique", "check", "exclude", "not null"])),
    ...each((table) => sampleRows(catalog, table).map((sql) => ({ what: null, sql }))),
    ...each(kept(["foreign"])),
    ...each(({ indexes }) =>
      indexes
        .filter(({ constraint }) => constraint === null)
        .map(({ name, definition }) => ({ what: `index ${name}`, sql: definition })),
    ),
    ...part("partition", "owner", "policy"),
    ...views.flatMap((view) => [
      {
        what: `view ${view.name}`,
        sql: `CREATE ${view.materialized ? "MATERIALIZED VIEW" : "VIEW"} ${qualified(view)} AS ${view.definition}`,
      },
      ...view.indexes.map(({ name, definition }) => ({ what: `index ${name}`, sql: definition })),
    ]),
    ...each(({ triggers }) => triggers.map(({ name, definition }) => ({ what: `trigger ${name}`, sql: definition }))),
    ...tables
      .filter(({ rowSecurity }) => rowSecurity)
      .map((table) => ({ what: null, sql: `ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY` })),
  ];
}

/** Names in parts of tables are those of their tables: what hangs on others is left out. */
function partsOf({ parts }: Catalog, { tables }: Scope, kinds: readonly CatalogPart["kind"][]): CopyObject[] {
  const names = new Set(tables.map(({ name }) => name));
  const onTable = (kind: CatalogPart["kind"]): boolean => kind === "partition" || kind === "owner" || kind === "policy";
  return parts
    .filter(({ kind, name }) => kinds.includes(kind) && (!onTable(kind) || names.has(name)))
    .map(({ kind, name, sql }) => ({ what: `${kind} ${name}`, sql }));
}

function createTable(table: Table): string {
  const partition = table.partitionKey === null ? "" : ` PARTITION BY ${table.partitionKey}`;
  return `CREATE TABLE ${qualified(table)} (${table.columns.map((column) => columnSql(table, column)).join(", ")})${partition}`;
}

function columnSql(table: Table, column: Column): string {
  const { name, type, collation, generated, expression, identity } = column;
  // A NOT NULL that is not validated yet is a constraint of its own.
  const own = table.constraints.some(
    ({ kind, validated, columns }) => kind === "not null" && !validated && columns.includes(name),
  );
  return [
    ident(name),
    type,
    ...(collation === null ? [] : [`COLLATE ${collation}`]),
    ...(generated === null ? [] : [`GENERATED ALWAYS AS (${expression ?? "NULL"}) ${generated.toUpperCase()}`]),
    ...(identity === null ? [] : [`GENERATED ${identity.toUpperCase()} AS IDENTITY`]),
    ...(column.default === null ? [] : [`DEFAULT ${column.default}`]),
    ...(column.notNull && !own ? ["NOT NULL"] : []),
  ].join(" ");
}

function addConstraint(table: Table, { name, definition }: Constraint): CopyObject {
  return { what: `constraint ${name}`, sql: `ALTER TABLE ${qualified(table)} ADD CONSTRAINT ${ident(name)} ${definition}` };
}
