import type { Rng } from "../../../../src/base/rng.ts";
import { column, digit, number, orNull, same, type MakeChange } from "./table-change.ts";

const quarters = (rng: Rng): number => rng.between(0, 39) / 4;

/** Columns that an annotation computes, for one side or for both. */
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
  ...[true, false].map((dropsFirst): MakeChange => (place) => {
    const [gone, kept] = [`c${String(place)}`, `k${String(place)}`];
    const drop = (table: string): string =>
      `-- hitless: down ${table}.${gone} = coalesce(${kept}, 0) + 1\nALTER TABLE ${table} DROP COLUMN ${gone};`;
    const retype = (table: string): string => `ALTER TABLE ${table} ALTER COLUMN ${kept} TYPE bigint;`;
    return {
      kind: "dropped, and computed from a column that is retyped",
      columns: [`${gone} int NOT NULL`, `${kept} int`],
      statements: dropsFirst ? [drop, retype] : [retype, drop],
      old: [column(gone, digit, undefined), column(kept, number, null)],
      next: [column(kept, number, null)],
      ups: same(kept, kept).ups,
      downs: [...same(kept, kept).downs, { target: gone, sources: [kept], value: (row) => Number(row[kept] ?? 0) + 1 }],
    };
  }),
  ...[true, false].map((addsFirst): MakeChange => (place) => {
    const [added, kept] = [`c${String(place)}`, `k${String(place)}`];
    const add = (table: string): string =>
      `-- hitless: up ${table}.${added} = ${kept} * 2\nALTER TABLE ${table} ADD COLUMN ${added} int;`;
    const retype = (table: string): string => `ALTER TABLE ${table} ALTER COLUMN ${kept} TYPE bigint;`;
    return {
      kind: "added, and computed from a column that is retyped",
      columns: [`${kept} int`],
      statements: addsFirst ? [add, retype] : [retype, add],
      old: [column(kept, number, null)],
      next: [column(kept, number, null), column(added, number, null)],
      ups: [
        ...same(kept, kept).ups,
        { target: added, sources: [kept], value: (row) => (row[kept] === null ? null : Number(row[kept]) * 2) },
      ],
      downs: same(kept, kept).downs,
    };
  }),
];
