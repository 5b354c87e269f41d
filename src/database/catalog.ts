import { sameName, type ObjectName } from "./names.ts";

/** What is in a database, as far as planning needs it; read by `adapters/postgres/catalog.ts`. All SQL texts are PostgreSQL's own. */
export interface Catalog {
  /** As `server_version_num`: 180004. */
  readonly version: number;
  readonly timeZone: string;
  /** What one index build may sort in, in KiB. */
  readonly maintenanceWorkMemKb: number;
  /** Where names without a schema are created: the base schema. */
  readonly schema: string;
  /** Schemas in which the texts below look names up, the base first. */
  readonly path: readonly string[];
  readonly tables: readonly Table[];
  readonly views: readonly View[];
  readonly routines: readonly Routine[];
  readonly types: readonly UserType[];
  readonly sequences: readonly ObjectName[];
  /** What only a copy needs: `shadow/copy.ts`. */
  readonly parts: readonly CatalogPart[];
}

/** An object that the planner does not look into, as the SQL that makes it. */
export interface CatalogPart {
  readonly kind: "schema" | "extension" | "role" | "type" | "sequence" | "aggregate" | "partition" | "owner" | "policy";
  readonly name: string;
  readonly sql: string;
}

export interface Table extends ObjectName {
  readonly kind: "table" | "partitioned" | "foreign";
  readonly columns: readonly Column[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly triggers: readonly Trigger[];
  /** The planner's estimate; -1 before the first ANALYZE. */
  readonly rows: number;
  readonly pages: number;
  readonly rowSecurity: boolean;
  readonly policies: number;
  readonly partitionOf: ObjectName | null;
  /** As pg_get_partkeydef gives it: `RANGE (at)`. */
  readonly partitionKey: string | null;
}

export interface Column {
  readonly name: string;
  /** As format_type gives it: `character varying(20)`. */
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly identity: "always" | "by default" | null;
  readonly generated: "stored" | "virtual" | null;
  /** What a generated column is computed from. */
  readonly expression?: string | null | undefined;
  /** Null: the type's own. */
  readonly collation: string | null;
  /** Share of rows in which it is null, 0 to 1, as ANALYZE saw it; null before that. */
  readonly nullFraction: number | null;
}

export interface Constraint {
  readonly name: string;
  readonly kind: "primary" | "unique" | "check" | "foreign" | "exclude" | "not null";
  readonly columns: readonly string[];
  /** As pg_get_constraintdef gives it. */
  readonly definition: string;
  readonly validated: boolean;
  /** The table that a foreign key refers to. */
  readonly references: ObjectName | null;
}

export interface Index {
  readonly name: string;
  readonly unique: boolean;
  readonly valid: boolean;
  /** Plain columns in their order; expressions are not among them. */
  readonly columns: readonly string[];
  /** As pg_get_indexdef gives it. */
  readonly definition: string;
  /** The constraint that it stands for. */
  readonly constraint: string | null;
}

export interface Trigger {
  readonly name: string;
  readonly definition: string;
  /** Fires before an update of a row. */
  readonly beforeUpdate: boolean;
}

export interface View extends ObjectName {
  readonly materialized: boolean;
  readonly definition: string;
  /** As in WITH: `security_invoker=true`, `check_option=local`. */
  readonly options?: readonly string[] | undefined;
  /** The relations it reads. */
  readonly reads: readonly ObjectName[];
  readonly indexes: readonly Index[];
}

export interface Routine extends ObjectName {
  readonly kind: "function" | "procedure" | "aggregate" | "window";
  /** Types of the input arguments, as format_type gives them, without blanks between: `integer,text`. */
  readonly arguments: string;
  /** As pg_get_functiondef gives it; null for aggregates. */
  readonly definition: string | null;
}

export interface UserType extends ObjectName {
  readonly kind: "enum" | "domain" | "composite" | "range";
  readonly labels: readonly string[];
  /** A domain's base type. */
  readonly base: string | null;
  readonly constrained: boolean;
}

/** Where sessions of the application look names up, but for overlays. */
export function lookupPath({ path, schema }: Pick<Catalog, "path" | "schema">): readonly string[] {
  return path.length === 0 ? [schema] : path;
}

export function tableOf(catalog: Catalog, name: ObjectName): Table | null {
  return catalog.tables.find((table) => sameName(table, name)) ?? null;
}

export function constraintOf(table: Table, name: string): Constraint | null {
  return table.constraints.find((constraint) => constraint.name === name) ?? null;
}

/** The table of an index, with it. */
export function indexOf(catalog: Catalog, name: ObjectName): { readonly table: Table; readonly index: Index } | null {
  for (const table of catalog.tables) {
    if (table.schema !== name.schema) continue;
    const index = table.indexes.find((candidate) => candidate.name === name.name);
    if (index !== undefined) return { table, index };
  }
  return null;
}

/** Foreign keys of other tables (or itself) that refer to the table. */
export function referencesTo(catalog: Catalog, name: ObjectName): readonly { table: Table; constraint: Constraint }[] {
  return catalog.tables.flatMap((table) =>
    table.constraints
      .filter(({ references }) => references !== null && sameName(references, name))
      .map((constraint) => ({ table, constraint })),
  );
}
