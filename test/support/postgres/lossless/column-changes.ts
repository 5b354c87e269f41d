import type { Rng } from "../../../../src/base/rng.ts";
import { digit, orNull, same, type SideColumn, type TableChange } from "./table-change.ts";

type MakeChange = (number: number) => TableChange;

const column = (name: string, draw: SideColumn["draw"], absent: SideColumn["absent"]): SideColumn => ({ name, draw, absent });
const quarters = (rng: Rng): number => rng.between(0, 39) / 4;
const number = orNull(digit);

/** One value on both sides, under one name or two. */
function keeping(kind: string, definition: string, change: (table: string, name: string) => string, renames = false): MakeChange {
  return (place) => {
    const name = `c${String(place)}`;
    const next = renames ? `n${name}` : name;
    const needed = definition.includes("NOT NULL");
    const [draw, absent] = needed ? ([digit, 4] as const) : ([number, null] as const);
    return {
      kind,
      columns: [`${name} ${definition}`],
      statements: change("", name)
        .split("\n")
        .map((_, line) => (table: string) => change(table, name).split("\n")[line] ?? ""),
      old: [column(name, draw, absent)],
      next: [column(next, draw, absent)],
      ...same(name, next),
    };
  };
}

const NULLABLE = "int";
const NEEDED = "int NOT NULL DEFAULT 4";

/** Both releases know the column; nothing of it is lost by the change. */
export const KEEPING: readonly MakeChange[] = [
  ...["bigint", "numeric(20,2)", "text", "double precision"].map((type) =>
    keeping(`retyped to ${type}`, NULLABLE, (table, name) => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${type};`),
  ),
  keeping("renamed", NULLABLE, (table, name) => `ALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`, true),
  keeping(
    "renamed and retyped",
    NEEDED,
    (table, name) =>
      `ALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};\nALTER TABLE ${table} ALTER COLUMN n${name} TYPE bigint;`,
    true,
  ),
  keeping(
    "retyped and renamed",
    NEEDED,
    (table, name) =>
      `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;\nALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`,
    true,
  ),
  keeping("indexed", NULLABLE, (table, name) => `CREATE INDEX ON ${table} (${name});`),
  keeping("checked", NULLABLE, (table, name) => `ALTER TABLE ${table} ADD CHECK (${name} >= 0);`),
];

/** Each side has something that the other has not, or has it otherwise. */
export const DIFFERING: readonly MakeChange[] = [
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "another default",
      columns: [`${name} int`],
      statements: [(table) => `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT 7;`],
      old: [column(name, number, null)],
      next: [column(name, number, 7)],
      ...same(name, name),
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "null allowed",
      columns: [`${name} int NOT NULL DEFAULT 4`],
      statements: [(table) => `-- hitless: down ${table}.${name} = 0\nALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL;`],
      old: [column(name, digit, 4)],
      next: [column(name, number, 4)],
      ups: same(name, name).ups,
      downs: [{ target: name, sources: [name], value: (row) => row[name] ?? 0 }],
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "added with a default",
      columns: [],
      statements: [(table) => `ALTER TABLE ${table} ADD COLUMN ${name} int DEFAULT 1;`],
      old: [],
      next: [column(name, number, 1)],
      ups: [],
      downs: [],
    };
  },
];

export const DROPPED: readonly MakeChange[] = [
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "dropped",
      columns: [`${name} int`],
      statements: [(table) => `ALTER TABLE ${table} DROP COLUMN ${name};`],
      old: [column(name, number, null)],
      next: [],
      ups: [],
      downs: [],
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "dropped with a default",
      columns: [`${name} int NOT NULL DEFAULT 4`],
      statements: [(table) => `ALTER TABLE ${table} DROP COLUMN ${name};`],
      old: [column(name, digit, 4)],
      next: [],
      ups: [],
      downs: [],
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "dropped, and computed for the old release",
      columns: [`${name} int NOT NULL`],
      statements: [
        (table) => `-- hitless: down ${table}.${name} = coalesce(s0, 0) + 1\nALTER TABLE ${table} DROP COLUMN ${name};`,
      ],
      old: [column(name, digit, undefined)],
      next: [],
      ups: [],
      downs: [{ target: name, sources: ["s0"], value: ({ s0 }) => Number(s0 ?? 0) + 1 }],
    };
  },
];

export const COMPUTED: readonly MakeChange[] = [
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "retyped with an expression that loses digits",
      columns: [`${name} numeric(10,2)`],
      statements: [
        (table) => `-- hitless: up ${table}.${name} = trunc(${name})\nALTER TABLE ${table} ALTER COLUMN ${name} TYPE int;`,
      ],
      old: [column(name, orNull(quarters), null)],
      next: [column(name, number, null)],
      ups: [{ target: name, sources: [name], value: (row) => (row[name] === null ? null : Math.trunc(Number(row[name]))) }],
      downs: same(name, name).downs,
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    const [up, down] = [(value: number): number => Math.round(value * 100), (value: number): number => value / 100];
    const by = (change: (value: number) => number) => ({
      target: name,
      sources: [name],
      value: (row: Readonly<Record<string, unknown>>): number | null => (row[name] === null ? null : change(Number(row[name]))),
    });
    return {
      kind: "retyped with expressions both ways",
      columns: [`${name} numeric(10,2)`],
      statements: [
        (table) =>
          `-- hitless: up ${table}.${name} = (${name} * 100)::int\n-- hitless: down ${table}.${name} = ${name} / 100.0\nALTER TABLE ${table} ALTER COLUMN ${name} TYPE int;`,
      ],
      old: [column(name, orNull(quarters), null)],
      next: [
        column(
          name,
          orNull((rng) => rng.between(0, 999)),
          null,
        ),
      ],
      ups: [by(up)],
      downs: [by(down)],
    };
  },
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "added, and computed from a column that stays",
      columns: [],
      statements: [(table) => `-- hitless: up ${table}.${name} = s1 * 2\nALTER TABLE ${table} ADD COLUMN ${name} int;`],
      old: [],
      next: [column(name, number, null)],
      ups: [{ target: name, sources: ["s1"], value: ({ s1 }) => (s1 === null ? null : Number(s1) * 2) }],
      downs: [],
    };
  },
  (place) => {
    const [first, last, full] = [`f${String(place)}`, `l${String(place)}`, `w${String(place)}`];
    const word = (rng: Rng): string => `w${String(digit(rng))}`;
    return {
      kind: "two columns become one",
      columns: [`${first} text`, `${last} text`],
      statements: [
        (table) => `-- hitless: up ${table}.${full} = ${first} || ' ' || ${last}\nALTER TABLE ${table} ADD COLUMN ${full} text;`,
        (table) => `-- hitless: down ${table}.${first} = split_part(${full}, ' ', 1)\nALTER TABLE ${table} DROP COLUMN ${first};`,
        (table) => `-- hitless: down ${table}.${last} = split_part(${full}, ' ', 2)\nALTER TABLE ${table} DROP COLUMN ${last};`,
      ],
      old: [column(first, orNull(word), null), column(last, orNull(word), null)],
      next: [
        column(
          full,
          orNull((rng) => `${word(rng)} ${word(rng)}`),
          null,
        ),
      ],
      ups: [
        {
          target: full,
          sources: [first, last],
          value: (row) => (row[first] === null || row[last] === null ? null : `${String(row[first])} ${String(row[last])}`),
        },
      ],
      downs: [first, last].map((target, part) => ({
        target,
        sources: [full],
        value: (row) => (row[full] === null ? null : (String(row[full]).split(" ")[part] ?? "")),
      })),
    };
  },
];
