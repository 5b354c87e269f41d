import { describe, expect, test, vi } from "vitest";
import { createRng, type Rng } from "../../../../src/base/rng.ts";
import { addToComparison, judge, newComparison } from "../../../../src/core/judging/comparison.ts";
import { DEFAULT_COMPARE_RULES } from "../../../../src/core/judging/rules.ts";
import { NO_SAMPLE } from "../../../../src/core/judging/sample.ts";
import { drawn, release, watched, type Behaviour, type Traffic } from "../../../support/judging.ts";

/** Many simulated deployments take their time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const CANARY: Traffic = { perWindow: 200, weight: 0.05, windows: 25 };

const RUNS = 200;

/** Seeds next to one another give sequences that are too much alike. */
function seeded(run: number): Rng {
  return createRng(run * 7_919);
}

/** How many of so many simulated deployments ended with the verdict. */
function share(runs: number, verdict: string, one: (run: number) => { result: { verdict: string } }): number {
  let hits = 0;
  for (let run = 1; run <= runs; run += 1) if (one(run).result.verdict === verdict) hits += 1;
  return hits / runs;
}

describe("false alarms", () => {
  test.each([0, 0.01, 0.2])("of an equal release with %d of errors: at most one in 200 deployments", (errors) => {
    const equal = release(errors);
    const alarms = share(RUNS, "fail", (run) => watched(seeded(run), equal, equal, CANARY));
    expect(alarms).toBeLessThanOrEqual(1 / 200);
  });

  test("by halves of the traffic, looked at after every 20 requests: at most one in 200", () => {
    const equal = release(0.02);
    const often = { perWindow: 20, weight: 0.5, windows: 60 };
    expect(share(RUNS, "fail", (run) => watched(seeded(run), equal, equal, often))).toBeLessThanOrEqual(1 / 200);
  });

  test("against the time before: at most one in 200", () => {
    const equal = release(0.02);
    const one = (run: number): ReturnType<typeof watched> => {
      const rng = seeded(run);
      const before = drawn(rng, equal, { requests: 1_000, window: 0 });
      return watched(rng, equal, equal, { perWindow: 100, weight: 1, windows: 20, before });
    };
    expect(share(RUNS, "fail", one)).toBeLessThanOrEqual(1 / 200);
  });
});

describe("detection", () => {
  // At 0.05 no test of this size finds more than 96 of 100 (Neyman and Pearson); it is said in docs/checks-and-gates.md.
  test.each([
    [0, 0.95],
    [0.001, 0.95],
    [0.01, 0.95],
    [0.02, 0.95],
    [0.03, 0.95],
    [0.05, 0.88],
  ])(
    "scenario 60: five more of a hundred requests fail, %d did before: found within 500 requests of the new release, share %d",
    (errors, least) => {
      const found = share(RUNS, "fail", (run) => {
        const seen = watched(seeded(run), release(errors), release(errors + 0.05), { ...CANARY, windows: 60 });
        return seen.exposed <= 500 ? seen : { result: { verdict: "late" } };
      });
      expect(found).toBeGreaterThanOrEqual(least);
    },
  );

  test("scenario 60: a canary that fails every fifth request is found within 100 of its requests", () => {
    for (let run = 1; run <= 100; run += 1) {
      const { result, exposed } = watched(seeded(run), release(0.01), release(0.2), CANARY);
      expect(result.verdict).toBe("fail");
      expect(exposed).toBeLessThanOrEqual(100);
    }
  });

  test("what goes wrong only when the old release gets nothing any more is found too", () => {
    const later: Behaviour = { ...release(0), errors: (window) => (window < 10 ? 0.01 : 0.1) };
    const rng = createRng(1);
    let comparison = newComparison();
    for (let window = 0; window < 20; window += 1) {
      const old = window < 10 ? drawn(rng, release(0.01), { requests: 100, window }) : NO_SAMPLE;
      comparison = addToComparison(comparison, old, drawn(rng, later, { requests: 100, window }), DEFAULT_COMPARE_RULES);
    }
    expect(judge(comparison, DEFAULT_COMPARE_RULES, false)?.verdict).toBe("fail");
  });

  test("after a full cutover, against the time before", () => {
    const rng = createRng(1);
    const before = drawn(rng, release(0.01), { requests: 3_000, window: 0 });
    const { result } = watched(rng, release(0.01), release(0.08), { perWindow: 50, weight: 1, windows: 40, before });
    expect(result.verdict).toBe("fail");
    expect(result.details?.at(-1)).toContain("in the time before");
  });
});

describe("scenario 61: latency", () => {
  test("twice as slow at p99 fails", () => {
    const slow: Behaviour = { errors: () => 0, ms: (rng) => release(0).ms(rng) * (rng.chance(0.04) ? 6 : 1) };
    for (let run = 1; run <= 20; run += 1) {
      expect(watched(createRng(run), release(0), release(0, 40), CANARY).result.verdict).toBe("fail");
      expect(watched(createRng(run), release(0), slow, { ...CANARY, weight: 0.25, windows: 50 }).result.verdict).toBe("fail");
    }
  });

  test("5 % slower passes in 20 of 20 runs", () => {
    for (let run = 1; run <= 20; run += 1) {
      expect(watched(createRng(run), release(0.01), release(0.01, 21), CANARY).result.verdict).toBe("pass");
    }
  });

  test("twice as slow where that is a millisecond passes", () => {
    expect(watched(createRng(1), release(0, 0.5), release(0, 1), CANARY).result.verdict).toBe("pass");
  });
});

describe("scenario 64: both fail alike", () => {
  test("because of a database that is down for a while: the new release is not blamed, and what it does wrong later is still found", () => {
    const outage = (errors: number): Behaviour => ({
      ...release(0),
      errors: (window) => (window >= 5 && window < 12 ? 0.9 : errors),
    });
    const alarms = share(RUNS, "fail", (run) => watched(seeded(run), outage(0.01), outage(0.01), CANARY));
    expect(alarms).toBeLessThanOrEqual(1 / 200);
    const { result } = watched(createRng(1), outage(0.01), outage(0.3), CANARY);
    expect(result.verdict).toBe("fail");
  });

  test("to the end: nothing was learnt, which is no pass", () => {
    const { result } = watched(createRng(3), release(0.9), release(0.9), CANARY);
    expect(result).toMatchObject({ verdict: "not-enough-data", summary: expect.stringContaining("neither is blamed") as string });
  });
});

describe("scenario 62: too few requests", () => {
  test("are not enough data, whatever came of them", () => {
    const { result } = watched(createRng(1), release(0), release(1), { perWindow: 1, weight: 0.5, windows: 40 });
    expect(result).toMatchObject({ verdict: "not-enough-data", summary: expect.stringContaining("50 of each") as string });
  });

  test("of the old release before and now are not enough data either", () => {
    const { result } = watched(createRng(1), release(0), release(0), { perWindow: 100, weight: 1, windows: 5 });
    expect(result.verdict).toBe("not-enough-data");
  });
});

test("a release that is better in every way passes", () => {
  const { result } = watched(createRng(1), release(0.1, 40), release(0, 20), { ...CANARY, weight: 0.5 });
  expect(result.verdict).toBe("pass");
  expect(result.figures).toMatchObject({ newErrors: 0 });
});
