import { expect, it } from "vitest";
import { nextRate, progressOf, rateFrom } from "../../../../src/database/backfill/progress.ts";

it("says how fast it was of late, and when it will be done", () => {
  let rate = rateFrom(0, 0);
  expect(progressOf(rate, { rows: 0, total: 1_000, slow: null })).toMatchObject({ rowsPerSecond: null, etaMs: null });
  for (let at = 100; at <= 60_000; at += 100) rate = nextRate(rate, at, at / 100);
  expect(progressOf(rate, { rows: 500, total: 1_000, slow: null })).toEqual({
    rows: 500,
    walked: 600,
    total: 1_000,
    rowsPerSecond: 10,
    etaMs: 40_000,
    slow: null,
  });
  for (let at = 60_100; at <= 120_000; at += 100) rate = nextRate(rate, at, 600);
  expect(progressOf(rate, { rows: 500, total: 1_000, slow: "so" }).rowsPerSecond).toBe(0);
});

it("never has more to do than there is", () => {
  expect(progressOf(rateFrom(0, 1_200), { rows: 1, total: 1_000, slow: null }).total).toBe(1_200);
});
