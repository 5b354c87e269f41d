import type { Rng } from "../../../../src/base/rng.ts";
import { column, number, orNull, same, type MakeChange, type SideColumn, type TableChange } from "./table-change.ts";

type Statement = TableChange["statements"][number];

/** A constraint or an index of one column. */
interface Standing {
  readonly kind: string;
  readonly definition: (place: number) => string;
  /** Made before the table. */
  readonly before?: (place: number) => string;
  readonly change: (table: string, name: string, place: number) => string;
  readonly draw: SideColumn["draw"];
  /** What there is by it on each side, and on the new one once it is alone. */
  readonly old?: Rules;
  readonly next?: (place: number) => Rules;
  readonly later?: (place: number) => Rules;
  /** How many constraints or unique indexes of the kind stand on the column after the contract. */
  readonly ends: { readonly of: "u" | "f"; readonly count: 0 | 1 };
}
type Rules = Pick<SideColumn, "unique" | "parent">;

/** So many that a number is hardly drawn twice. */
const distinct = orNull((rng: Rng) => rng.between(1, 1_000_000_000));
const parents = (place: number): string => `p${String(place)}`;
const makeParents = (place: number): string =>
  `CREATE TABLE ${parents(place)} (id int PRIMARY KEY); INSERT INTO ${parents(place)} SELECT generate_series(0, 9);`;
const emptied = (place: number): Rules => ({ parent: { table: parents(place), removes: "value" } });
const removed = (place: number): Rules => ({ parent: { table: parents(place), removes: "row" } });
const AT_ONCE = "-- hitless: phase=expand\n";

const plain = () => "int";
const UNIQUE: readonly Standing[] = [
  {
    kind: "unique from now on",
    definition: plain,
    change: (table, name) => `ALTER TABLE ${table} ADD UNIQUE (${name});`,
    draw: distinct,
    later: () => ({ unique: true }),
    ends: { of: "u", count: 1 },
  },
  {
    kind: "unique at once",
    definition: plain,
    change: (table, name) => `${AT_ONCE}ALTER TABLE ${table} ADD UNIQUE (${name});`,
    draw: distinct,
    next: () => ({ unique: true }),
    ends: { of: "u", count: 1 },
  },
  {
    kind: "with a unique index",
    definition: plain,
    change: (table, name) => `CREATE UNIQUE INDEX ON ${table} (${name});`,
    draw: distinct,
    later: () => ({ unique: true }),
    ends: { of: "u", count: 1 },
  },
  {
    kind: "unique together with another",
    definition: plain,
    change: (table, name) => `ALTER TABLE ${table} ADD UNIQUE (s0, ${name});`,
    draw: distinct,
    ends: { of: "u", count: 1 },
  },
  {
    kind: "unique before and after",
    definition: () => "int UNIQUE",
    change: () => "",
    draw: distinct,
    old: { unique: true },
    next: () => ({ unique: true }),
    ends: { of: "u", count: 1 },
  },
  {
    kind: "not unique any more",
    definition: (place) => `int CONSTRAINT only${String(place)} UNIQUE`,
    change: (table, _, place) => `ALTER TABLE ${table} DROP CONSTRAINT only${String(place)};`,
    draw: distinct,
    old: { unique: true },
    ends: { of: "u", count: 0 },
  },
];

const FOREIGN: readonly Standing[] = [
  {
    kind: "referring from now on",
    definition: plain,
    before: makeParents,
    change: (table, name, place) =>
      `ALTER TABLE ${table} ADD FOREIGN KEY (${name}) REFERENCES ${parents(place)} (id) ON DELETE SET NULL;`,
    draw: number,
    later: emptied,
    ends: { of: "f", count: 1 },
  },
  {
    kind: "referring at once",
    definition: plain,
    before: makeParents,
    change: (table, name, place) => `${AT_ONCE}ALTER TABLE ${table} ADD FOREIGN KEY (${name}) REFERENCES ${parents(place)};`,
    draw: number,
    ends: { of: "f", count: 1 },
  },
  {
    kind: "referring before and after, rows go",
    definition: (place) => `int REFERENCES ${parents(place)} ON DELETE CASCADE`,
    before: makeParents,
    change: () => "",
    draw: number,
    next: removed,
    ends: { of: "f", count: 1 },
  },
  {
    kind: "referring before and after, values go",
    definition: (place) => `int REFERENCES ${parents(place)} ON DELETE SET NULL`,
    before: makeParents,
    change: () => "",
    draw: number,
    next: emptied,
    ends: { of: "f", count: 1 },
  },
  {
    kind: "not referring any more",
    definition: (place) => `int CONSTRAINT only${String(place)} REFERENCES ${parents(place)}`,
    before: makeParents,
    change: (table, _, place) => `ALTER TABLE ${table} DROP CONSTRAINT only${String(place)};`,
    draw: number,
    ends: { of: "f", count: 0 },
  },
];

const retype: (name: string) => Statement = (name) => (table) => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;`;
const rename: (name: string) => Statement = (name) => (table) => `ALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`;

/** The constraint changes alone, or its column is renamed or retyped before or after it. */
const WITH = [
  { also: "alone", renames: false, type: "int" },
  { also: "renamed before", renames: true, type: "int" },
  { also: "renamed after", renames: true, type: "int" },
  { also: "retyped before", renames: false, type: "bigint" },
  { also: "retyped after", renames: false, type: "bigint" },
] as const;

const isThere = (table: string, name: string, { of, count }: Standing["ends"]): string => {
  const attribute = `(SELECT attnum FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attname = '${name}')`;
  const found =
    of === "f"
      ? `pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'f' AND convalidated AND ${attribute} = ANY (conkey)`
      : `pg_index WHERE indrelid = '${table}'::regclass AND indisunique AND indisvalid AND ${attribute} = ANY (indkey)`;
  return `SELECT count(*) = ${String(count)} FROM ${found}`;
};

function standing(one: Standing, { also, renames, type }: (typeof WITH)[number]): MakeChange {
  return (place) => {
    const name = `c${String(place)}`;
    const next = renames ? `n${name}` : name;
    const change: Statement = (table) => one.change(table, also === "renamed before" ? next : name, place);
    const other = renames ? rename(name) : retype(name);
    const both = also.endsWith("before") ? [other, change] : [change, other];
    const own = { distinct: one.draw === distinct };
    const old = one.ends.of === "f" ? (one.next?.(place) ?? {}) : (one.old ?? {});
    return {
      kind: `${one.kind}, ${also}`,
      before: one.before?.(place),
      columns: [`${name} ${one.definition(place)}`],
      statements: also === "alone" ? [change] : both,
      old: [{ ...column(name, one.draw, null, "int"), ...own, numeric: one.ends.of === "f", ...old }],
      next: [
        {
          ...column(next, one.draw, null, type),
          ...own,
          numeric: one.ends.of === "f",
          refers: one.ends.of === "f" && one.ends.count === 1,
          ...one.next?.(place),
          later: one.later?.(place),
        },
      ],
      ...same(name, next),
      holds: (table) => isThere(table, next, one.ends),
    };
  };
}

export const CONSTRAINED: readonly MakeChange[] = [...UNIQUE, ...FOREIGN].flatMap((one) =>
  WITH.map((also) => standing(one, also)),
);
