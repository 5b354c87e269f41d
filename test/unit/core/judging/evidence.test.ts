import fc from "fast-check";
import { expect, test } from "vitest";
import { addWindow, evidenceAbove, NO_EVIDENCE, pValue, upperShare } from "../../../../src/core/judging/evidence.ts";

const group = fc.integer({ min: 1, max: 40 });

/** C(n, k) by Pascal's rule. */
function choose(n: number, k: number): number {
  let result = 1;
  for (let index = 1; index <= k; index += 1) result = (result * (n - k + index)) / index;
  return result;
}

test("under no difference the ratio of each window has expectation 1, for every factor of the odds", () => {
  fc.assert(
    fc.property(group, group, fc.nat(), (old, fresh, any) => {
      const events = any % (old + fresh + 1);
      const sums = NO_EVIDENCE.logs.map(() => 0);
      for (let x = Math.max(0, events - old); x <= Math.min(events, fresh); x += 1) {
        const chance = (choose(fresh, x) * choose(old, events - x)) / choose(old + fresh, events);
        const { logs } = addWindow(NO_EVIDENCE, { requests: old, events: events - x }, { requests: fresh, events: x });
        for (const [index, log] of logs.entries()) sums[index] = (sums[index] ?? 0) + chance * Math.exp(log);
      }
      for (const sum of sums) expect(sum).toBeCloseTo(1, 6);
    }),
  );
});

test("a window in which all or none failed says nothing", () => {
  expect(addWindow(NO_EVIDENCE, { requests: 90, events: 90 }, { requests: 10, events: 10 }).peak).toBeCloseTo(0);
  expect(addWindow(NO_EVIDENCE, { requests: 90, events: 0 }, { requests: 10, events: 0 })).toBe(NO_EVIDENCE);
});

test("windows of a million requests are no burden and no overflow", () => {
  const { peak } = addWindow(NO_EVIDENCE, { requests: 1_000_000, events: 100_000 }, { requests: 50_000, events: 30_000 });
  expect(Number.isFinite(peak)).toBe(true);
  expect(pValue({ logs: [], peak })).toBeLessThan(1e-9);
});

test("evidence above a share has an expectation of at most 1 up to that share", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.9, noNaN: true }), fc.integer({ min: 1, max: 30 }), (most, requests) => {
      for (const share of [most, most / 2]) {
        let sum = 0;
        for (let events = 0; events <= requests; events += 1) {
          const chance = choose(requests, events) * share ** events * (1 - share) ** (requests - events);
          sum += chance * Math.exp(evidenceAbove(most, { requests, events }).logs[2] ?? 0);
        }
        expect(sum).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
});

test("the upper share lies above what was seen, less so with more requests", () => {
  const few = upperShare({ requests: 100, events: 2 }, 0.001);
  const many = upperShare({ requests: 10_000, events: 200 }, 0.001);
  expect(few).toBeGreaterThan(many);
  expect(many).toBeGreaterThan(0.02);
  expect(upperShare({ requests: 100, events: 0 }, 0.001)).toBeGreaterThan(0);
});
