import type { Backfill } from "../../src/database/plan/action.ts";

/** A table with a column to fill. */
export interface Shape {
  /** Of its section in docs/benchmarks.md. */
  readonly label: string;
  readonly name: string;
  readonly rows: number;
  /** Makes `public.t` as it is before the backfill. */
  readonly create: string;
  /** Of `public.t`, before the column to fill. */
  readonly columns: readonly string[];
  /** The value of the new column, over the columns of the row. */
  readonly up: string;
  /** The least ratio to one plain UPDATE, and to the comparison algorithm. */
  readonly target: { readonly plain: number; readonly touch: number };
}

export function narrow(rows: number): Shape {
  return {
    label: "narrow",
    name: `narrow (id, name), ${rows.toLocaleString("en-US")} rows`,
    rows,
    create: `
      CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL);
      INSERT INTO t SELECT i, 'name of ' || i FROM generate_series(1, ${String(rows)}) i;
      ALTER TABLE t ADD COLUMN filled text`,
    columns: ["id", "name"],
    up: "upper(name)",
    target: { plain: 0.9, touch: 5 },
  };
}

export function wide(rows: number): Shape {
  return {
    label: "wide",
    name: `wide (12 columns, 3 more indexes), ${rows.toLocaleString("en-US")} rows`,
    rows,
    create: `
      CREATE TABLE t (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, city text, price numeric(12,2), amount int, status text,
        note text, at timestamptz NOT NULL, seen timestamptz, flags int, parent bigint);
      INSERT INTO t SELECT i, 'name of ' || i, 'm' || (i::bigint * 7919 % ${String(rows)}) || '@example.org', 'city ' || i % 1000, i % 10000 / 7.0, i % 17,
        CASE WHEN i % 5 = 0 THEN 'open' ELSE 'done' END, repeat('x', i % 60), '2025-01-01'::timestamptz + i * interval '1 second', NULL, i % 8, i / 10
        FROM generate_series(1, ${String(rows)}) i;
      CREATE INDEX ON t (email); CREATE INDEX ON t (at); CREATE INDEX ON t (parent, status);
      ALTER TABLE t ADD COLUMN filled text`,
    columns: ["id", "name", "email", "city", "price", "amount", "status", "note", "at", "seen", "flags", "parent"],
    up: "upper(name)",
    target: { plain: 0.85, touch: 3 },
  };
}

export function backfillOf({ up }: Shape): Backfill {
  return {
    table: "public.t",
    key: ["id"],
    set: `filled = ${up}`,
    where: `filled IS NULL AND (${up}) IS NOT NULL`,
    columns: ["filled"],
    differs: `filled IS DISTINCT FROM ${up}`,
  };
}
