import { addHistograms, quantile, type HistogramData } from "../../base/histogram.ts";
import type { ReleaseName } from "../../base/names.ts";
import type { MirrorTask, TaskResult } from "../task.ts";

/** A share of the app's GET and HEAD requests goes to the release, too. */
export interface MirrorRequest {
  readonly release: ReleaseName;
  /** Of those requests. */
  readonly percent: number;
  readonly compareBody: boolean;
  readonly forMs: number;
}

/** What came of live requests that the new release was given too. A pair is a request that both have answered, or the old one only. */
export interface MirrorFigures {
  readonly pairs: number;
  readonly statusDiffers: number;
  /** Equal status, other body. */
  readonly bodyDiffers: number;
  /** No whole answer of the new release in time. */
  readonly unanswered: number;
  /** Not given to the new release, as it was still busy with others or had no instance. */
  readonly dropped: number;
  /** Until the head of the answer had come. */
  readonly latency: { readonly old: HistogramData; readonly new: HistogramData };
  /** Of what differed: method, path without query, and how. */
  readonly examples: readonly string[];
}

export const MIRROR_EXAMPLES_MAX = 10;

/** As for the comparison of counters: slower by less than this hurts nobody. */
const SLOWDOWN_FLOOR_MS = 5;

export const NO_MIRROR_FIGURES: MirrorFigures = Object.freeze({
  pairs: 0,
  statusDiffers: 0,
  bodyDiffers: 0,
  unanswered: 0,
  dropped: 0,
  latency: { old: [], new: [] },
  examples: [],
});

export function addMirrorFigures(a: MirrorFigures, b: MirrorFigures): MirrorFigures {
  return {
    pairs: a.pairs + b.pairs,
    statusDiffers: a.statusDiffers + b.statusDiffers,
    bodyDiffers: a.bodyDiffers + b.bodyDiffers,
    unanswered: a.unanswered + b.unanswered,
    dropped: a.dropped + b.dropped,
    latency: { old: addHistograms(a.latency.old, b.latency.old), new: addHistograms(a.latency.new, b.latency.new) },
    examples: [...new Set([...a.examples, ...b.examples])].slice(0, MIRROR_EXAMPLES_MAX),
  };
}

/** What the figures say; null: go on, as long as it is not `over`. */
export function judgeMirror(figures: MirrorFigures, task: MirrorTask, over: boolean): TaskResult | null {
  const { pairs, dropped } = figures;
  const differing = figures.statusDiffers + figures.bodyDiffers + figures.unanswered;
  const share = pairs === 0 ? 0 : (100 * differing) / pairs;
  const enough = pairs >= Math.max(1, task.minRequests);
  const differs = enough && share > task.maxMismatchPercent;
  if (!over && !differs) return null;
  const slow = slowness(figures, task);
  const said = {
    figures: {
      pairs,
      differing,
      share: share / 100,
      dropped,
      p99Old: p99(figures.latency.old) ?? 0,
      p99New: p99(figures.latency.new) ?? 0,
    },
    details: figures.examples,
  };
  const counted = `${String(differing)} of ${String(pairs)} mirrored requests were answered differently`;
  const how = `${counted} (${howText(figures)}; at most ${String(task.maxMismatchPercent)} % may be)`;
  if (differs) return { verdict: "fail", summary: how, ...said };
  if (!enough) return { verdict: "not-enough-data", summary: tooFew(figures, task), ...said };
  if (slow !== null) return { verdict: "fail", summary: slow, ...said };
  return {
    verdict: "pass",
    summary: differing === 0 ? `all ${String(pairs)} mirrored requests were answered alike` : how,
    ...said,
  };
}

function howText({ statusDiffers, bodyDiffers, unanswered }: MirrorFigures): string {
  const parts = [
    [statusDiffers, "another status"],
    [bodyDiffers, "another body"],
    [unanswered, "no answer"],
  ] as const;
  return parts.flatMap(([count, what]) => (count === 0 ? [] : [`${String(count)} ${what}`])).join(", ") || "none";
}

function tooFew({ pairs, dropped }: MirrorFigures, { minRequests }: MirrorTask): string {
  const left = dropped === 0 ? "" : `; ${String(dropped)} more were left out, as the new release was busy`;
  return `only ${String(pairs)} requests could be mirrored, ${String(minRequests)} are needed${left}`;
}

function slowness({ latency }: MirrorFigures, { maxSlowdown }: MirrorTask): string | null {
  const [before, now] = [p99(latency.old), p99(latency.new)];
  if (maxSlowdown === null || before === null || now === null) return null;
  if (now <= before * maxSlowdown || now - before <= SLOWDOWN_FLOOR_MS) return null;
  return `the new release is slower: p99 ${now.toFixed(1)} ms against ${before.toFixed(1)} ms (at most ${String(maxSlowdown)} times)`;
}

/** Milliseconds. */
function p99(latency: HistogramData): number | null {
  const us = quantile(latency, 0.99);
  return us === null ? null : us / 1_000;
}
