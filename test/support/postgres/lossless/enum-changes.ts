import type { Rng } from "../../../../src/base/rng.ts";
import { column, orNull, same, type MakeChange, type SideColumn, type TableChange } from "./table-change.ts";

const known = (rng: Rng): string => rng.pick(["a", "b", "c"]);
const more = (rng: Rng): string => rng.pick(["a", "b", "c", "d"]);

interface Changed {
  readonly kind: string;
  /** After the type's name. */
  readonly definition: string;
  readonly statements: (place: Names) => TableChange["statements"];
  readonly old: Pick<SideColumn, "draw" | "absent">;
  readonly next: Pick<SideColumn, "draw" | "absent">;
  readonly downs?: (row: string | null) => string | null;
  /** What nulls become. */
  readonly fill?: string;
}

interface Names {
  readonly name: string;
  readonly type: string;
  readonly other: string;
}

const nullable = { draw: orNull(known), absent: null };
const given = { draw: known, absent: "a" };
const added = { draw: orNull(more), absent: null };
const add = ({ type }: Names): string => `ALTER TYPE ${type} ADD VALUE 'd' BEFORE 'b';`;
const another = ({ name, other, type }: Names): TableChange["statements"] => [
  () => `CREATE TYPE ${other} AS ENUM ('d', 'c', 'b', 'a');`,
  (table) =>
    `-- hitless: up ${table}.${name} = ${name}::text::${other}
-- hitless: down ${table}.${name} = CASE WHEN ${name} = 'd' THEN 'a' ELSE ${name}::text END::${type}
ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${other};`,
  () => `DROP TYPE ${type};`,
];

const CHANGES: readonly Changed[] = [
  { kind: "another value", definition: "", statements: (names) => [() => add(names)], old: nullable, next: added },
  {
    kind: "another value, which is the default",
    definition: "NOT NULL DEFAULT 'a'",
    statements: (names) => [() => add(names), (table) => `ALTER TABLE ${table} ALTER COLUMN ${names.name} SET DEFAULT 'd';`],
    old: given,
    next: { draw: more, absent: "d" },
  },
  {
    kind: "another value, which nulls become",
    definition: "",
    statements: (names) => [
      () => add(names),
      (table) => `-- hitless: up ${table}.${names.name} = 'd'\nALTER TABLE ${table} ALTER COLUMN ${names.name} SET NOT NULL;`,
    ],
    old: nullable,
    next: { draw: more, absent: undefined },
    fill: "d",
  },
  {
    kind: "text instead",
    definition: "",
    statements: ({ name }) => [(table) => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE text;`],
    old: nullable,
    next: nullable,
  },
  {
    kind: "text instead, and the type goes",
    definition: "NOT NULL DEFAULT 'a'",
    statements: ({ name, type }) => [
      (table) => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE text;`,
      () => `DROP TYPE ${type};`,
    ],
    old: given,
    next: given,
  },
  {
    kind: "another enum",
    definition: "",
    statements: another,
    old: nullable,
    next: added,
    downs: (value) => (value === "d" ? "a" : value),
  },
  {
    kind: "another enum, with a default",
    definition: "NOT NULL DEFAULT 'a'",
    statements: another,
    old: given,
    next: { draw: more, absent: "a" },
    downs: (value) => (value === "d" ? "a" : value),
  },
];

/** Columns of an enum type, which gets a value or is left for another type. */
export const ENUMS: readonly MakeChange[] = [
  ...CHANGES.map((change): MakeChange => (place) => {
    const names = { name: `c${String(place)}`, type: `m${String(place)}`, other: `o${String(place)}` };
    const { name, type } = names;
    const both = same(name, name);
    const { fill, downs = (value: string | null) => value } = change;
    return {
      kind: `enum: ${change.kind}`,
      before: `CREATE TYPE ${type} AS ENUM ('a', 'b', 'c');`,
      columns: [`${name} ${type} ${change.definition}`],
      statements: change.statements(names),
      old: [column(name, change.old.draw, change.old.absent)],
      next: [column(name, change.next.draw, change.next.absent)],
      ups: both.ups,
      downs: [{ target: name, sources: [name], value: (row) => downs(row[name] as string | null) }],
      ...(fill === undefined ? {} : { fills: [{ target: name, value: () => fill }] }),
    };
  }),
  (place) => {
    const [name, type] = [`c${String(place)}`, `m${String(place)}`];
    return {
      kind: "a column of a new enum",
      columns: [],
      statements: [
        () => `CREATE TYPE ${type} AS ENUM ('a', 'b', 'c');`,
        (table) => `ALTER TABLE ${table} ADD COLUMN ${name} ${type} DEFAULT 'b';`,
      ],
      old: [],
      next: [column(name, orNull(known), "b")],
      ups: [],
      downs: [],
    };
  },
];
