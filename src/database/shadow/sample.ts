import type { Catalog, Column, Table } from "../catalog.ts";
import { ident, literal, qualified } from "../names.ts";

/** Rows in each table of a copy. */
const ROWS = [1, 2, 3] as const;

/**
 * Statements for a few rows, each of which may fail. Row 1 of every table holds the same values for one type, so that foreign keys find what they
 * refer to; the last row is null wherever a column may be. A check decides over its columns' values by the literals that stand in it.
 */
export function sampleRows(catalog: Catalog, table: Table): readonly string[] {
  // What a partition takes is decided by bounds; there a copy is empty.
  if (table.partitionOf !== null || table.kind === "partitioned") return [];
  const columns = table.columns.filter(({ generated }) => generated === null);
  if (columns.length === 0) return [];
  const identity = columns.some((column) => column.identity !== null) ? " OVERRIDING SYSTEM VALUE" : "";
  const into = `INSERT INTO ${qualified(table)} (${columns.map(({ name }) => ident(name)).join(", ")})${identity} VALUES`;
  const rows = ROWS.flatMap((row) =>
    [0, 1].map((above) => columns.map((column) => valueIn(catalog, table, { column, row, above })).join(", ")),
  );
  return [...new Set(rows)].map((values) => `${into} (${values}) ON CONFLICT DO NOTHING`);
}

/** What nobody expects, by type; null: the type has nothing of the kind. */
const UNUSUAL: readonly (readonly [RegExp, string])[] = [
  [/^(character varying|text|citext)$/, "'x y'"],
  [/^bigint$/, "5000000000"],
];

/** Values for a row, in the order of the columns. `unusual`: of a kind that fits into the type and perhaps into nothing that is computed from it. */
export function sampleValues(catalog: Catalog, table: Table, row: number | "unusual"): readonly string[] {
  return table.columns.map((column) => {
    const strange = row === "unusual" ? UNUSUAL.find(([type]) => type.test(column.type))?.[1] : undefined;
    return strange ?? valueIn(catalog, table, { column, row: row === "unusual" ? 1 : row, above: 0 });
  });
}

interface Cell {
  readonly column: Column;
  readonly row: number;
  /** Added to a number that a check compares with. */
  readonly above: number;
}

function valueIn(catalog: Catalog, table: Table, { column, row, above }: Cell): string {
  const mayBeNull = !column.notNull && column.nullFraction !== 0;
  if (row === ROWS.length && mayBeNull) return "NULL";
  const allowed = literalsFor(table, column.name);
  const words = allowed.filter((one) => one.startsWith("'"));
  const word = words[(row - 1) % Math.max(1, words.length)];
  if (word !== undefined) return word;
  const number = allowed.find((one) => !one.startsWith("'"));
  if (number !== undefined && above > 0) return `${number} + ${String(row)}`;
  return sampleValue(catalog, column.type, row);
}

/** Literals of the checks that are about this column alone. */
function literalsFor(table: Table, column: string): readonly string[] {
  return table.constraints
    .filter(({ kind, columns }) => kind === "check" && columns.length === 1 && columns[0] === column)
    .flatMap(({ definition }) => definition.match(/'(?:[^']|'')*'|(?<![\w'])\d+(?:\.\d+)?/g) ?? []);
}

type Sample = (row: number) => string;
const quoted =
  (text: (row: string) => string): Sample =>
  (row) =>
    `'${text(String(row))}'`;

/** By the beginning of a type's name. Texts hold numbers, so that what is cast from them can be. */
const SAMPLES: readonly (readonly [RegExp, Sample])[] = [
  [/^(smallint|integer|bigint|numeric|real|double precision|oid|money)\b/, (row) => String(row)],
  [/^boolean/, (row) => (row % 2 === 1 ? "true" : "false")],
  [/^(character|text|citext|name|"char"|bpchar)/, quoted((row) => row)],
  [/^(timestamp|date)/, quoted((row) => `2020-01-0${row}`)],
  [/^time\b/, quoted((row) => `0${row}:00`)],
  [/^interval/, quoted((row) => `${row} days`)],
  [/^uuid/, quoted((row) => `00000000-0000-0000-0000-00000000000${row}`)],
  [/^jsonb?$/, quoted((row) => row)],
  [/^bytea/, quoted((row) => String.raw`\x0${row}`)],
  [/^(inet|cidr)/, quoted((row) => `10.0.0.${row}`)],
  [/^macaddr$/, quoted((row) => `08:00:2b:01:02:0${row}`)],
  [/^point/, quoted((row) => `(${row},${row})`)],
  [/^bit varying/, quoted(() => "1")],
  [/^(tsvector|xml|ltree)/, quoted((row) => `a${row}`)],
  [/range$/, quoted(() => "empty")],
];

function sampleValue(catalog: Catalog, type: string, row: number): string {
  if (type.endsWith("[]")) return `ARRAY[${sampleValue(catalog, type.slice(0, -2), row)}]::${type}`;
  const bits = /^bit\((\d+)\)$/.exec(type)?.[1];
  if (bits !== undefined) return `B'${String(row % 2).padStart(Number(bits), "0")}'`;
  const known = SAMPLES.find(([pattern]) => pattern.test(type));
  if (known !== undefined) return known[1](row);
  const bare = type.replace(/^.*\./, "").replaceAll('"', "");
  const own = catalog.types.find(({ name }) => name === bare);
  if (own?.kind === "enum") return literal(own.labels[(row - 1) % own.labels.length] ?? "");
  if (own?.kind === "domain" && own.base !== null) return sampleValue(catalog, own.base, row);
  return "NULL";
}
