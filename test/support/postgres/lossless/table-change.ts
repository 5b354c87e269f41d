import type { Rng } from "../../../../src/base/rng.ts";

/** Numbers as JavaScript has them, whatever their type in the database is. */
export type Value = number | string | null;
export type Row = Readonly<Record<string, Value>>;
/** Whose view of a row: that of the releases before the change, or of those from it on. */
export type Side = "old" | "next";

export interface SideColumn {
  readonly name: string;
  /** A value as this side's applications write it. */
  readonly draw: (rng: Rng) => Value;
  /** What an INSERT without it gives; undefined: it is always named. */
  readonly absent?: Value | undefined;
  /** Of a column that holds whole numbers, so that a later release can change it again. */
  readonly type?: string | undefined;
  /** Something stands on it that only fits numbers: it becomes no text. */
  readonly numeric?: boolean | undefined;
  /** A foreign key is on it in the end. */
  readonly refers?: boolean | undefined;
  /** No two rows have the same. */
  readonly distinct?: boolean | undefined;
  /** The database sees to that, so that ON CONFLICT may name it. */
  readonly unique?: boolean | undefined;
  /** A table with rows 0 to 9 to which it refers, and what the end of one of them takes with it. */
  readonly parent?: { readonly table: string; readonly removes: "value" | "row" } | undefined;
  /** What becomes of it with the contract. */
  readonly later?: Partial<SideColumn> | undefined;
}

/** What a column of the other side is, by the row of the side that has written. */
export interface Rule {
  readonly target: string;
  /** Columns of the writing side. Where none of them changes, neither does the target. */
  readonly sources: readonly string[];
  readonly value: (row: Row) => Value;
}

/** One change of a table in a migration, with what it means for each side: written down without looking at how Hitless does it. */
export interface TableChange {
  readonly kind: string;
  /** What is made before the table. */
  readonly before?: string | undefined;
  /** Definitions of the old columns. */
  readonly columns: readonly string[];
  /** Statements in their order, for a table that has this name by then. */
  readonly statements: readonly ((table: string) => string)[];
  readonly old: readonly SideColumn[];
  readonly next: readonly SideColumn[];
  /** What the new side's columns are, after a write of the old side. */
  readonly ups: readonly Rule[];
  readonly downs: readonly Rule[];
  /** What a null of an old column becomes once the change is expanded, whoever writes it. */
  readonly fills?: readonly Pick<Rule, "target" | "value">[] | undefined;
  /** SQL for one boolean: what has to be so after the contract. */
  readonly holds?: ((table: string) => string) | undefined;
  /** The table's name from the change on. */
  readonly renamedTo?: string | undefined;
}

/** What one release brings to a table. */
export interface PlainStep {
  readonly migration: string;
  /** With those columns that it lets alone. */
  readonly changes: readonly TableChange[];
  readonly names: Readonly<Record<Side, string>>;
  readonly key: Readonly<Record<Side, string>>;
}

/** `place` makes names of columns that are like no others of the table. */
export type MakeChange = (place: number) => TableChange;

export const digit = (rng: Rng): number => rng.between(0, 9);
export const orNull =
  (draw: SideColumn["draw"]): SideColumn["draw"] =>
  (rng) =>
    rng.chance(0.15) ? null : draw(rng);

export const number = orNull(digit);
export const column = (name: string, draw: SideColumn["draw"], absent: SideColumn["absent"], type?: string): SideColumn => ({
  name,
  draw,
  absent,
  type,
});

/** What no statement speaks of. */
export const untouched = (known: SideColumn): TableChange => ({
  kind: "untouched",
  columns: [],
  statements: [],
  old: [known],
  next: [known],
  ...same(known.name, known.name),
});

/** Two names of one value. */
export function same(old: string, next: string): Pick<TableChange, "ups" | "downs"> {
  return {
    ups: [{ target: next, sources: [old], value: (row) => row[old] ?? null }],
    downs: [{ target: old, sources: [next], value: (row) => row[next] ?? null }],
  };
}
