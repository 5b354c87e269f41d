import { column, digit, number, same, type MakeChange, type Row, type TableChange, type Value } from "./table-change.ts";

interface Needed {
  readonly kind: string;
  readonly definition: string;
  /** What is said of it; none: the column's default is what nulls become. */
  readonly up: string | null;
  readonly fill: (row: Row) => Value;
  /** What an INSERT without it gives, on each side. */
  readonly absent: { readonly old: Value; readonly next: Value | undefined };
}

const FILLS: readonly Needed[] = [
  { kind: "with a value", definition: "int", up: "0", fill: () => 0, absent: { old: null, next: undefined } },
  { kind: "with its default", definition: "int DEFAULT 4", up: null, fill: () => 4, absent: { old: 4, next: 4 } },
  {
    kind: "with another column",
    definition: "int",
    up: "coalesce(s0, 0) + 1",
    fill: ({ s0 }) => Number(s0 ?? 0) + 1,
    absent: { old: null, next: undefined },
  },
];

/** `ALTER COLUMN … SET NOT NULL`: nulls that are there, and those that the old release still writes, become something. */
export const NEEDED: readonly MakeChange[] = FILLS.flatMap((needed): readonly MakeChange[] => [
  filled(needed, null),
  filled(needed, "renamed before"),
  filled(needed, "renamed after"),
  filled(needed, "retyped after"),
  // The old release keeps its nulls, as it has a column of its own. When another column was read for them, nobody can tell.
  ...(needed.up?.includes("s0") === true ? [] : [retypedBefore(needed)]),
]);

const isNeeded =
  (name: string): NonNullable<TableChange["holds"]> =>
  (table) =>
    `SELECT attnotnull FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attname = '${name}'`;

const setNotNull =
  (name: string, { up }: Needed): TableChange["statements"][number] =>
  (table) =>
    `${up === null ? "" : `-- hitless: up ${table}.${name} = ${up}\n`}ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL;`;

const retype =
  (name: string): TableChange["statements"][number] =>
  (table) =>
    `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;`;

function filled(needed: Needed, also: "renamed before" | "renamed after" | "retyped after" | null): MakeChange {
  return (place) => {
    const name = `c${String(place)}`;
    const next = also?.startsWith("renamed") === true ? `n${name}` : name;
    const rename = (table: string): string => `ALTER TABLE ${table} RENAME COLUMN ${name} TO ${next};`;
    const set = setNotNull(also === "renamed before" ? next : name, needed);
    const more = { "renamed before": [rename, set], "renamed after": [set, rename], "retyped after": [set, retype(name)] };
    return {
      kind: `never null ${needed.kind}, ${also ?? "and nothing else"}`,
      columns: [`${name} ${needed.definition}`],
      statements: also === null ? [set] : more[also],
      old: [column(name, number, needed.absent.old, "int")],
      next: [column(next, digit, needed.absent.next, also === "retyped after" ? "bigint" : "int")],
      ...same(name, next),
      fills: [{ target: name, value: needed.fill }],
      holds: isNeeded(next),
    };
  };
}

function retypedBefore(needed: Needed): MakeChange {
  return (place) => {
    const name = `c${String(place)}`;
    return {
      kind: `retyped, and never null ${needed.kind}`,
      columns: [`${name} ${needed.definition}`],
      statements: [retype(name), setNotNull(name, needed)],
      old: [column(name, number, needed.absent.old, "int")],
      next: [column(name, digit, needed.absent.next, "bigint")],
      ups: [{ target: name, sources: [name], value: (row) => row[name] ?? needed.fill(row) }],
      downs: same(name, name).downs,
      holds: isNeeded(name),
    };
  };
}
