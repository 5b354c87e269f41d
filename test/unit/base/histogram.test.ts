import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addHistograms,
  bucketLimit,
  bucketOf,
  countAbove,
  countOf,
  fineQuantile,
  quantile,
  scaleHistogram,
  subtractHistograms,
  type HistogramData,
} from "../../../src/base/histogram.ts";

const LONGEST = 0x7fffffff;
/** Small, middling and huge durations alike, in whole microseconds. */
const duration = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 100_000 }),
  fc.integer({ min: 0, max: LONGEST }),
);
const durations = fc.array(duration, { minLength: 1, maxLength: 200 });

function histogramOf(values: readonly number[]): HistogramData {
  return values.reduce<HistogramData>((sum, value) => addHistograms(sum, [[bucketOf(value), 1]]), []);
}

/** The smallest value that at least the share `q` of the values does not exceed. */
function trueQuantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

describe("a bucket", () => {
  test("holds the value, and its limit is at most 6.25 % above it", () => {
    fc.assert(
      fc.property(duration, (value) => {
        const limit = bucketLimit(bucketOf(value));
        expect(limit).toBeGreaterThanOrEqual(value);
        expect(limit).toBeLessThanOrEqual(value * 1.0625);
      }),
    );
  });

  test("of a longer duration is never a lower one, and begins where the one before ends", () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        expect(Math.sign(bucketOf(a) - bucketOf(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
        if (bucketLimit(bucketOf(a)) < LONGEST) expect(bucketOf(bucketLimit(bucketOf(a)) + 1)).toBe(bucketOf(a) + 1);
      }),
    );
  });

  test.each([
    ["nothing", 0, 0],
    ["a clock that went backwards", -5, 0],
    ["a fraction", 15.9, 15],
    ["what is one microsecond below two powers", 31, 31],
    ["the longest duration", LONGEST, bucketOf(LONGEST)],
    ["a longer one than the longest", LONGEST * 4, bucketOf(LONGEST)],
  ])("of %s", (_title, value, bucket) => {
    expect(bucketOf(value)).toBe(bucket);
  });
});

describe("a quantile", () => {
  test("is the true one or at most 6.25 % above it", () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, q) => {
        const truth = trueQuantile(values, q);
        const seen = quantile(histogramOf(values), q);
        expect(seen).toBeGreaterThanOrEqual(truth);
        expect(seen).toBeLessThanOrEqual(truth * 1.0625);
      }),
    );
  });

  test("of no value is null", () => {
    expect(quantile([], 0.5)).toBeNull();
    expect(quantile([[3, 0]], 0.5)).toBeNull();
  });
});

describe("adding and subtracting", () => {
  test("are inverse", () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        const [x, y] = [histogramOf(a), histogramOf(b)];
        expect(subtractHistograms(addHistograms(x, y), y)).toEqual(x);
        expect(subtractHistograms(x, x)).toEqual([]);
      }),
    );
  });

  test("give what counting all the values together gives, in whichever order", () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        const sum = addHistograms(histogramOf(a), histogramOf(b));
        expect(sum).toEqual(histogramOf([...a, ...b]));
        expect(sum).toEqual(addHistograms(histogramOf(b), histogramOf(a)));
      }),
    );
  });
});

describe("between the limits of a bucket", () => {
  const share = fc.double({ min: 0.01, max: 1, noNaN: true });

  test("the fine quantile lies in the bucket of the coarse one, and the rest of the values above it", () => {
    fc.assert(
      fc.property(durations, share, (values, q) => {
        const data = histogramOf(values);
        const fine = fineQuantile(data, q)!;
        expect(fine).toBeLessThanOrEqual(quantile(data, q)!);
        expect(fine).toBeGreaterThan(quantile(data, q)! / 1.0667 - 2);
        expect(countAbove(data, fine)).toBeCloseTo((1 - q) * values.length, 6);
      }),
    );
    expect(fineQuantile([], 0.5)).toBeNull();
  });

  test("what counts less changes no quantile", () => {
    fc.assert(
      fc.property(durations, share, (values, q) => {
        const data = histogramOf(values);
        const scaled = scaleHistogram(data, 0.25);
        expect(countOf(scaled)).toBe(values.length / 4);
        expect(fineQuantile(scaled, q)).toBeCloseTo(fineQuantile(data, q)!, 3);
      }),
    );
  });
});
