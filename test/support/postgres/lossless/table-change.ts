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
  /** Definitions of the old columns. */
  readonly columns: readonly string[];
  /** Statements in their order, for a table that has this name by then. */
  readonly statements: readonly ((table: string) => string)[];
  readonly old: readonly SideColumn[];
  readonly next: readonly SideColumn[];
  /** What the new side's columns are, after a write of the old side. */
  readonly ups: readonly Rule[];
  readonly downs: readonly Rule[];
  /** The table's name from the change on. */
  readonly renamedTo?: string | undefined;
}

/** `place` makes names of columns that are like no others of the table. */
export type MakeChange = (place: number) => TableChange;

export const digit = (rng: Rng): number => rng.between(0, 9);
export const orNull =
  (draw: SideColumn["draw"]): SideColumn["draw"] =>
  (rng) =>
    rng.chance(0.15) ? null : draw(rng);

export const number = orNull(digit);
export const column = (name: string, draw: SideColumn["draw"], absent: SideColumn["absent"]): SideColumn => ({
  name,
  draw,
  absent,
});

/** Two names of one value. */
export function same(old: string, next: string): Pick<TableChange, "ups" | "downs"> {
  return {
    ups: [{ target: next, sources: [old], value: (row) => row[old] ?? null }],
    downs: [{ target: old, sources: [next], value: (row) => row[next] ?? null }],
  };
}
