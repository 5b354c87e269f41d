import { quantile, subtractHistograms, type HistogramData } from "../../base/histogram.ts";
import { BLIND, SLOWEST, type Reading } from "./pace-law.ts";

/** All answers of an app since its proxy started: microseconds. */
export interface LatencySample {
  readonly at: number;
  readonly boot: string;
  readonly latency: HistogramData;
}

/** What users feel: the p99 of the last seconds beside what it was without the backfill. */
export interface FeltLatency {
  /** p99 without it, in microseconds; null: too few requests to say. */
  readonly baseline: number | null;
  /** The newest last. */
  readonly samples: readonly LatencySample[];
}

/** A p99 of fewer answers is one answer's accident. */
const ENOUGH = 300;
/** The window is as short as it can be with enough answers, and not longer than this. */
const LONGEST_MS = 30_000;
const SHORTEST_MS = 3_000;
/** A rise of less than so much hurts nobody. */
const SLACK_US = 1_000;
/** What a window in which the backfill all but stood still adds to the baseline. */
const DRIFT = 0.2;

export function feltFrom(before: HistogramData | null): FeltLatency {
  return { baseline: before === null || answers(before) < ENOUGH ? null : quantile(before, 0.99), samples: [] };
}

/** `rise`: by how much of the baseline p99 may grow, 0.1 for a tenth. */
export function felt(
  state: FeltLatency,
  sample: LatencySample,
  by: { readonly speed: number; readonly rise: number },
): [FeltLatency, Reading] {
  const known = state.samples.filter(({ boot, at }) => boot === sample.boot && at > sample.at - LONGEST_MS);
  const samples = [...known, sample];
  const window = newestWindow(known, sample);
  const p99 = window === null ? null : quantile(window, 0.99);
  if (p99 === null)
    return [
      { ...state, samples },
      { name: "latency", load: 0, text: "too few requests to be felt" },
    ];
  const baseline = state.baseline ?? (by.speed <= BLIND ? p99 : null);
  if (baseline === null)
    return [
      { ...state, samples },
      { name: "latency", load: null, text: "there were too few requests before it" },
    ];
  const idle = by.speed <= SLOWEST;
  return [{ baseline: idle ? baseline + DRIFT * (p99 - baseline) : baseline, samples }, readingOf(p99, baseline, by.rise)];
}

function readingOf(p99: number, baseline: number, rise: number): Reading {
  const load = (p99 - baseline) / Math.max(SLACK_US, baseline * rise);
  const ms = (us: number): string => `${(us / 1_000).toFixed(1)} ms`;
  return { name: "latency", load: Math.max(0, load), text: `p99 of the requests is ${ms(p99)}, and was ${ms(baseline)} before` };
}

function newestWindow(known: readonly LatencySample[], sample: LatencySample): HistogramData | null {
  for (const earlier of known.toReversed()) {
    if (sample.at - earlier.at < SHORTEST_MS) continue;
    const window = subtractHistograms(sample.latency, earlier.latency);
    if (answers(window) >= ENOUGH) return window;
  }
  return null;
}

function answers(histogram: HistogramData): number {
  return histogram.reduce((sum, [, count]) => sum + count, 0);
}
