import { bucketOf, type HistogramData } from "../../src/base/histogram.ts";
import { createRng, type Rng } from "../../src/base/rng.ts";
import { addToComparison, judge, newComparison } from "../../src/core/judging/comparison.ts";
import { DEFAULT_COMPARE_RULES, type CompareRules } from "../../src/core/judging/rules.ts";
import type { Sample } from "../../src/core/judging/sample.ts";
import type { TaskResult } from "../../src/core/task.ts";

/** How a simulated release answers: the share of errors at a time, and a draw of a latency in milliseconds. */
export interface Behaviour {
  readonly errors: (window: number) => number;
  readonly ms: (rng: Rng) => number;
}

export interface Traffic {
  /** Requests in each window. */
  readonly perWindow: number;
  /** The share of the new release. */
  readonly weight: number;
  readonly windows: number;
  readonly before?: Sample;
  readonly rules?: CompareRules;
}

/** A release that fails with the same chance always, and whose latencies follow a lognormal law as those of servers about do. */
export function release(errors: number, medianMs = 20, spread = 0.6): Behaviour {
  return { errors: () => errors, ms: (rng) => medianMs * Math.exp(spread * (NORMAL[rng.between(0, DRAWS - 1)] ?? 0)) };
}

/** Watches both window by window as the task does; gives the verdict and how many requests the new release had had by then. */
export function watched(rng: Rng, old: Behaviour, fresh: Behaviour, traffic: Traffic): { result: TaskResult; exposed: number } {
  const rules = traffic.rules ?? DEFAULT_COMPARE_RULES;
  let comparison = newComparison(traffic.before);
  for (let window = 0; window < traffic.windows; window += 1) {
    const toFresh = binomial(rng, traffic.perWindow, traffic.weight);
    const its = drawn(rng, old, { requests: traffic.perWindow - toFresh, window });
    comparison = addToComparison(comparison, its, drawn(rng, fresh, { requests: toFresh, window }), rules);
    const result = judge(comparison, rules, window === traffic.windows - 1);
    if (result !== null) return { result, exposed: comparison.fresh.requests };
  }
  throw new Error("it has no end");
}

export function drawn(rng: Rng, { errors, ms }: Behaviour, { requests, window }: { requests: number; window: number }): Sample {
  const counts = new Map<number, number>();
  const chance = errors(window);
  let failed = 0;
  for (let index = 0; index < requests; index += 1) {
    if (rng.chance(chance)) failed += 1;
    const bucket = bucketOf(Math.round(ms(rng) * 1_000));
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  const latency: HistogramData = [...counts].sort(([a], [b]) => a - b);
  return { requests, errors: failed, latency };
}

function binomial(rng: Rng, trials: number, share: number): number {
  let hits = 0;
  for (let trial = 0; trial < trials; trial += 1) if (rng.chance(share)) hits += 1;
  return hits;
}

/** Draws of the normal law (Box and Muller), made once: what is drawn from them later follows the same law for every release. */
const DRAWS = 20_000;
const NORMAL = Array.from({ length: DRAWS }, normalDraws(createRng(1)));

function normalDraws(rng: Rng): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
