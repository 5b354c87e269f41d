import { expect, test } from "vitest";
import { expectedRate, type MeasuredBackfill } from "../../../../src/database/backfill/measured-rate.ts";
import type { Index, Table } from "../../../../src/database/catalog.ts";

const INDEX: Index = { name: "i", unique: false, valid: true, columns: [], definition: "", constraint: null };

/** Of a million rows; the table costs so many bytes a row, and has so many indexes. */
function table(name: string, rowBytes: number, indexes: number): Table {
  const rest = { columns: [], constraints: [], triggers: [], rowSecurity: false, policies: 0 };
  const pages = (rowBytes * 1_000_000) / 8_192;
  const relation = { schema: "public", name, kind: "table", partitionOf: null, partitionKey: null, grants: [] } as const;
  return { ...relation, ...rest, rows: 1_000_000, pages, indexes: Array.from({ length: indexes }, () => INDEX) };
}

const run = (of: string, rowsPerSecond: number, more: Partial<MeasuredBackfill> = {}): MeasuredBackfill => ({
  table: `public.${of}`,
  rowsPerSecond,
  ms: 10_000,
  pausedMs: 0,
  ...more,
});

const narrow = table("narrow", 100, 1);
const wide = table("wide", 200, 4);
const tables = [narrow, wide];

test("a table's own backfills say how fast it is, at full speed; the middle one of the last", () => {
  const runs = [run("wide", 10_000), run("wide", 12_000), run("wide", 30_000), run("narrow", 90_000)];
  expect(expectedRate(wide, runs, tables)).toEqual({ perSecond: 12_000, basis: "as measured on 3 earlier backfills of it" });
  const paused = [run("wide", 5_000, { pausedMs: 5_000 })];
  expect(expectedRate(wide, paused, tables)).toEqual({ perSecond: 10_000, basis: "as measured on 1 earlier backfill of it" });
});

test("those of other tables count by what a row and its indexes cost", () => {
  const rate = expectedRate(wide, [run("narrow", 70_000), run("gone", 1_000)], tables);
  expect(rate).toEqual({
    perSecond: 30_000,
    basis: "as measured on 1 earlier backfill of other tables, by the size of a row and its indexes",
  });
});

test("without one that tells anything it is assumed, and said so", () => {
  const assumed = { perSecond: 50_000, basis: "assumed: no backfill was measured here yet" };
  const few = run("wide", 50, { ms: 1_000 });
  const asleep = run("wide", 5_000, { pausedMs: 10_000 });
  expect(expectedRate(wide, [], tables)).toEqual(assumed);
  expect(expectedRate(wide, [few, asleep, run("gone", 70_000)], tables)).toEqual(assumed);
});
