import { column, digit, number, same, type MakeChange, type TableChange } from "./table-change.ts";

/** One value on both sides, under one name or two. */
function keeping(
  kind: string,
  definition: string,
  change: (table: string, name: string) => string,
  { renames = false, type = "int" }: { readonly renames?: boolean; readonly type?: string } = {},
): MakeChange {
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
      old: [column(name, draw, absent, "int")],
      next: [{ ...column(next, draw, absent, type), numeric: kind.includes("checked") }],
      ...same(name, next),
    };
  };
}

const NULLABLE = "int";
const NEEDED = "int NOT NULL DEFAULT 4";

/** Both releases know the column; nothing of it is lost by the change. */
export const KEEPING: readonly MakeChange[] = [
  ...["bigint", "numeric(20,2)", "text", "double precision"].map((type) =>
    keeping(`retyped to ${type}`, NULLABLE, (table, name) => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${type};`, { type }),
  ),
  keeping("renamed", NULLABLE, (table, name) => `ALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`, { renames: true }),
  keeping(
    "renamed and retyped",
    NEEDED,
    (table, name) =>
      `ALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};\nALTER TABLE ${table} ALTER COLUMN n${name} TYPE bigint;`,
    { renames: true, type: "bigint" },
  ),
  keeping(
    "retyped and renamed",
    NEEDED,
    (table, name) =>
      `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;\nALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`,
    { renames: true, type: "bigint" },
  ),
  ...[true, false].flatMap((first) => {
    const also = (kind: string, other: (table: string, name: string) => string, definition = NULLABLE): MakeChange =>
      keeping(
        kind,
        definition,
        (table, name) => {
          const retype = `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;`;
          return first ? `${other(table, name)}\n${retype}` : `${retype}\n${other(table, name)}`;
        },
        { type: "bigint" },
      );
    return [
      also("retyped and indexed", (table, name) => `CREATE INDEX ON ${table} (${name});`),
      also("retyped and checked", (table, name) => `ALTER TABLE ${table} ADD CHECK (${name} >= 0);`),
    ];
  }),
  keeping(
    "checked and renamed",
    NULLABLE,
    (table, name) => `ALTER TABLE ${table} ADD CHECK (${name} >= 0);\nALTER TABLE ${table} RENAME COLUMN ${name} TO n${name};`,
    { renames: true },
  ),
  keeping("indexed", NULLABLE, (table, name) => `CREATE INDEX ON ${table} (${name});`),
  keeping("checked", NULLABLE, (table, name) => `ALTER TABLE ${table} ADD CHECK (${name} >= 0);`),
];

/** The statement alone, or with a change of the column's type before or after it. */
function around(when: string | undefined, name: string, change: TableChange["statements"][number]): TableChange["statements"] {
  const retype = (table: string): string => `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE bigint;`;
  if (when === undefined) return [change];
  return when === "before" ? [retype, change] : [change, retype];
}

/** Each side has something that the other has not, or has it otherwise. */
export const DIFFERING: readonly MakeChange[] = [
  ...[[], ["before"], ["after"]].flatMap((retyped): readonly MakeChange[] => [
    (place) => {
      const name = `c${String(place)}`;
      return {
        kind: `another default, retyped ${retyped.join()}`,
        columns: [`${name} int`],
        statements: around(retyped[0], name, (table) => `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT 7;`),
        old: [column(name, number, null, "int")],
        next: [column(name, number, 7, retyped.length === 0 ? "int" : "bigint")],
        ...same(name, name),
      };
    },
    (place) => {
      const name = `c${String(place)}`;
      return {
        kind: `null allowed, retyped ${retyped.join()}`,
        columns: [`${name} int NOT NULL DEFAULT 4`],
        statements: around(
          retyped[0],
          name,
          (table) => `-- hitless: down ${table}.${name} = 0\nALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL;`,
        ),
        old: [column(name, digit, 4)],
        next: [column(name, number, 4, retyped.length === 0 ? "int" : "bigint")],
        ups: same(name, name).ups,
        downs: [{ target: name, sources: [name], value: (row) => row[name] ?? 0 }],
      };
    },
  ]),
  (place) => {
    const name = `c${String(place)}`;
    return {
      kind: "added with a default",
      columns: [],
      statements: [(table) => `ALTER TABLE ${table} ADD COLUMN ${name} int DEFAULT 1;`],
      old: [],
      next: [column(name, number, 1, "int")],
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
