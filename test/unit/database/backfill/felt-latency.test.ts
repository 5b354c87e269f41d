import { expect, it } from "vitest";
import { addHistograms, bucketOf, type HistogramData } from "../../../../src/base/histogram.ts";
import { felt, feltFrom, type FeltLatency } from "../../../../src/database/backfill/felt-latency.ts";
import type { Reading } from "../../../../src/database/backfill/pace-law.ts";

const answers = (count: number, ms: number): HistogramData => [[bucketOf(ms * 1_000), count]];

/** A second per entry: what the p99 of 200 answers was in it. */
function watch(state: FeltLatency, seconds: readonly number[], speed = 1): Reading {
  let latency: HistogramData = [];
  let reading: Reading | null = null;
  for (const [second, ms] of seconds.entries()) {
    latency = addHistograms(latency, answers(200, ms));
    [state, reading] = felt(state, { at: second * 1_000, boot: "b", latency }, { speed, rise: 0.1 });
  }
  return reading!;
}

it("weighs the last seconds against what was before", () => {
  const before = feltFrom(answers(1_000, 20));
  expect(watch(before, [20, 20, 20, 20, 20]).load).toBe(0);
  expect(watch(before, [20, 20, 30, 30, 30, 30]).load).toBeGreaterThan(3);
  expect(watch(before, [20, 30, 30, 20, 20, 20, 20]).load).toBe(0);
  expect(watch(before, [30, 30, 30, 30]).text).toMatch(/^p99 of the requests is 3[01]\.\d ms, and was 2[01]\.\d ms before$/);
});

it("does not mind a rise that nobody feels, nor an app without requests", () => {
  expect(watch(feltFrom(answers(1_000, 2)), [2.5, 2.5, 2.5, 2.5, 2.5]).load).toBeLessThan(1);
  expect(felt(feltFrom(null), { at: 0, boot: "b", latency: [] }, { speed: 1, rise: 0.1 })[1].load).toBe(0);
});

it("says nothing where nothing is known of before, until it has all but stood still; then it learns what is usual now", () => {
  expect(watch(feltFrom(null), [20, 20, 20, 20, 20]).load).toBeNull();
  expect(watch(feltFrom(null), [20, 20, 20, 20, 20], 0.1).load).toBe(0);
  expect(
    watch(
      feltFrom(answers(1_000, 20)),
      Array.from({ length: 60 }, () => 40),
      0.02,
    ).load,
  ).toBeLessThan(0.1);
});

it("begins anew with a proxy that was restarted", () => {
  const [state] = felt(feltFrom(answers(1_000, 20)), { at: 0, boot: "a", latency: answers(9_000, 20) }, { speed: 1, rise: 0.1 });
  const [, reading] = felt(state, { at: 5_000, boot: "b", latency: answers(400, 90) }, { speed: 1, rise: 0.1 });
  expect(reading.load).toBe(0);
});
