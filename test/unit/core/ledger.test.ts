import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addCounts,
  LEDGER_COLUMNS,
  ledgerBetween,
  lostOf,
  sumRows,
  totalOf,
  ZERO_COUNTS,
  type LedgerCounts,
  type LedgerRow,
  type LedgerSnapshot,
} from "../../../src/core/ledger.ts";

/** 1, 2, 4, 8 …: every sum tells which columns went into it. */
const DISTINCT = Object.fromEntries(LEDGER_COLUMNS.map((column, index) => [column, 2 ** index])) as LedgerCounts;

const counts = fc.record(
  Object.fromEntries(LEDGER_COLUMNS.map((column) => [column, fc.nat(1_000_000)])),
) as fc.Arbitrary<LedgerCounts>;

function row(release: string, of: LedgerCounts, latency: LedgerRow["latency"] = []): LedgerRow {
  return { release, counts: of, latency };
}

function snapshot(rows: readonly LedgerRow[], boot = "a"): LedgerSnapshot {
  return { boot, app: "shop", at: 1, rows, inFlight: 0, slowest: [] };
}

test("the total is of all columns; lost are cut, failed by us and unaccounted, and nothing else", () => {
  expect(totalOf(DISTINCT)).toBe(2 ** LEDGER_COLUMNS.length - 1);
  expect(lostOf(DISTINCT)).toBe(DISTINCT.cut + DISTINCT.failed + DISTINCT.unaccounted);
  expect([totalOf(ZERO_COUNTS), lostOf(ZERO_COUNTS)]).toEqual([0, 0]);
});

test("rows are added column by column, none of them gives zero", () => {
  expect(sumRows([])).toEqual(ZERO_COUNTS);
  fc.assert(
    fc.property(counts, counts, (a, b) => {
      const sum = sumRows([row("r1", a), row("r2", b)]);
      expect(sum).toEqual(addCounts(b, a));
      for (const column of LEDGER_COLUMNS) expect(sum[column]).toBe(a[column] + b[column]);
    }),
    { numRuns: 100 },
  );
});

test("between two moments is what came in between, release by release", () => {
  fc.assert(
    fc.property(counts, counts, counts, (before, since, fresh) => {
      const earlier = snapshot([row("r1", before, [[3, 5]])]);
      const later = snapshot([
        row("r1", addCounts(before, since), [
          [3, 7],
          [9, 1],
        ]),
        row("r2", fresh, [[4, 1]]),
      ]);
      const rows = ledgerBetween(earlier, later);
      expect(sumRows(rows)).toEqual(addCounts(since, fresh));
      const old = rows.find(({ release }) => release === "r1");
      if (old !== undefined)
        expect(old.latency).toEqual([
          [3, 2],
          [9, 1],
        ]);
    }),
    { numRuns: 100 },
  );
});

test("releases without a request in between are left out", () => {
  const rows = [row("r1", DISTINCT), row("r2", DISTINCT)];
  expect(ledgerBetween(snapshot(rows), snapshot(rows))).toEqual([]);
});

test("without an earlier moment, or over a new start of the proxy, all of the later one counts", () => {
  const later = snapshot([row("r1", DISTINCT)], "b");
  expect(ledgerBetween(null, later)).toEqual(later.rows);
  expect(ledgerBetween(snapshot([row("r1", addCounts(DISTINCT, DISTINCT))], "a"), later)).toEqual(later.rows);
});
