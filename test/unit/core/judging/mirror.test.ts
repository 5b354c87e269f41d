import { expect, test } from "vitest";
import { bucketOf, type HistogramData } from "../../../../src/base/histogram.ts";
import { addMirrorFigures, judgeMirror, NO_MIRROR_FIGURES, type MirrorFigures } from "../../../../src/core/judging/mirror.ts";
import type { MirrorTask } from "../../../../src/core/task.ts";

const TASK: MirrorTask = {
  kind: "mirror",
  name: "live",
  percent: 10,
  forMs: 60_000,
  minRequests: 100,
  maxMismatchPercent: 1,
  compareBody: false,
  maxSlowdown: 1.5,
};

const figures = (some: Partial<MirrorFigures>): MirrorFigures => ({ ...NO_MIRROR_FIGURES, ...some });
const took = (ms: number): HistogramData => [[bucketOf(ms * 1_000), 100]];

test("equal answers pass when the time is over, not before", () => {
  expect(judgeMirror(figures({ pairs: 500 }), TASK, false)).toBeNull();
  expect(judgeMirror(figures({ pairs: 500 }), TASK, true)).toMatchObject({
    verdict: "pass",
    summary: "all 500 mirrored requests were answered alike",
  });
});

test("too many differences fail at once, and say which", () => {
  const seen = figures({ pairs: 200, statusDiffers: 3, unanswered: 1, examples: ["GET /cart: 200, from r2 500"] });
  expect(judgeMirror(seen, TASK, false)).toMatchObject({
    verdict: "fail",
    summary: "4 of 200 mirrored requests were answered differently (3 another status, 1 no answer; at most 1 % may be)",
    figures: { pairs: 200, differing: 4, share: 0.02 },
    details: ["GET /cart: 200, from r2 500"],
  });
  expect(judgeMirror(figures({ pairs: 200, statusDiffers: 2 }), TASK, true)).toMatchObject({ verdict: "pass" });
});

test("too few requests are never a pass, however alike", () => {
  expect(judgeMirror(figures({ pairs: 99, dropped: 7 }), TASK, true)).toMatchObject({
    verdict: "not-enough-data",
    summary: "only 99 requests could be mirrored, 100 are needed; 7 more were left out, as the new release was busy",
  });
  expect(judgeMirror(figures({ pairs: 99, statusDiffers: 99 }), TASK, false)).toBeNull();
  expect(judgeMirror(NO_MIRROR_FIGURES, { ...TASK, minRequests: 0 }, true)).toMatchObject({ verdict: "not-enough-data" });
});

test("a slower release fails where that is asked for; a few milliseconds hurt nobody", () => {
  const slower = (before: number, now: number): MirrorFigures =>
    figures({ pairs: 100, latency: { old: took(before), new: took(now) } });
  expect(judgeMirror(slower(20, 80), TASK, true)).toMatchObject({
    verdict: "fail",
    summary: expect.stringContaining("slower: p99") as string,
  });
  expect(judgeMirror(slower(20, 80), { ...TASK, maxSlowdown: null }, true)).toMatchObject({ verdict: "pass" });
  expect(judgeMirror(slower(1, 4), TASK, true)).toMatchObject({ verdict: "pass" });
});

test("figures of workers and of windows add up", () => {
  const one = figures({ pairs: 2, statusDiffers: 1, latency: { old: took(1), new: took(2) }, examples: ["a"] });
  const sum = addMirrorFigures(one, { ...one, examples: ["a", "b"] });
  expect(sum).toMatchObject({ pairs: 4, statusDiffers: 2, examples: ["a", "b"] });
  expect(sum.latency.old).toEqual([[bucketOf(1_000), 200]]);
});
