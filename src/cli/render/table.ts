import { stripVTControlCharacters } from "node:util";

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Rows in columns as wide as their widest cell, two spaces apart. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => width(row[index] ?? ""))));
  return all.map((row) =>
    columns
      .map((column, index) => pad(row[index] ?? "", widths[index] ?? 0, column.right === true))
      .join("  ")
      .trimEnd(),
  );
}

function pad(cell: string, to: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, to - width(cell)));
  return right ? space + cell : cell + space;
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
