import type { TaskResult } from "../task.ts";
import { addWindow, evidenceAbove, isSignificant, NO_EVIDENCE, pValue, upperShare, type Evidence } from "./evidence.ts";
import type { CompareRules } from "./rules.ts";
import { addSamples, errorShare, errorsOf, NO_SAMPLE, quantileMs, slowerThan, type Sample } from "./sample.ts";
import { figuresOf, percent, summaryOf } from "./words.ts";

/** A new release beside the one that was there before, as far as they were watched. */
export interface Comparison {
  /** The old release in the time before: stands in where it gets no requests any more. */
  readonly before: Sample;
  /** Both in the same time. */
  readonly old: Sample;
  readonly fresh: Sample;
  readonly errors: Evidence;
  readonly slow: Readonly<Record<SlowKind, Evidence>>;
}

type SlowKind = keyof typeof QUANTILES;

const QUANTILES = { median: 0.5, p99: 0.99 } as const;
const SLOW_KINDS = Object.keys(QUANTILES) as readonly SlowKind[];
/** Above this share of errors the old release proves nothing: both are without what they need. */
const BROKEN_SHARE = 0.5;
/** Of the chance of a false alarm, errors take the most, for they hurt the most, and the two latencies the rest. */
const ERRORS_PART = 3 / 4;
const SLOW_PART = 1 / 8;

export function newComparison(before: Sample = NO_SAMPLE): Comparison {
  return { before, old: NO_SAMPLE, fresh: NO_SAMPLE, errors: NO_EVIDENCE, slow: { median: NO_EVIDENCE, p99: NO_EVIDENCE } };
}

/** Adds what both did in one more window of time. */
export function addToComparison(known: Comparison, old: Sample, fresh: Sample, rules: CompareRules): Comparison {
  return {
    before: known.before,
    old: addSamples(known.old, old),
    fresh: addSamples(known.fresh, fresh),
    errors: addWindow(known.errors, errorsOf(old), errorsOf(fresh)),
    slow: {
      median: addSlow(known, "median", { old, fresh, rules }),
      p99: addSlow(known, "p99", { old, fresh, rules }),
    },
  };
}

/** The limit comes from earlier windows only: one that the window itself had a say in would not be a fair one. */
function addSlow(
  known: Comparison,
  kind: SlowKind,
  { old, fresh, rules }: { old: Sample; fresh: Sample; rules: CompareRules },
): Evidence {
  const base = addSamples(known.before, known.old);
  const limit = slowLimit(base, kind, rules);
  return limit === null ? known.slow[kind] : addWindow(known.slow[kind], slowerThan(old, limit), slowerThan(fresh, limit));
}

/** Microseconds; null as long as too few answers tell where the quantile is. */
function slowLimit(base: Sample, kind: SlowKind, { minRequests, maxSlowdown }: CompareRules): number | null {
  const usual = quantileMs(base, QUANTILES[kind]);
  if (maxSlowdown === null || usual === null || base.requests < minRequests) return null;
  return usual * maxSlowdown * 1_000;
}

/** Null as long as the verdict is open. When the time is `over` there always is one. */
export function judge(comparison: Comparison, rules: CompareRules, over: boolean): TaskResult | null {
  const { old, fresh, before } = comparison;
  const control = old.requests >= rules.minRequests ? old : before;
  const enough = Math.min(control.requests, fresh.requests) >= rules.minRequests;
  const reasons = enough ? faults(comparison, control, rules) : [];
  if (reasons.length === 0 && !over) return null;
  const figures = figuresOf(control, fresh);
  const told = { figures, details: [...reasons, controlText(comparison, control)] };
  if (reasons.length > 0) return { verdict: "fail", summary: `the new release is worse: ${reasons.join("; ")}`, ...told };
  if (!enough) return { verdict: "not-enough-data", summary: tooFew(control, fresh, rules), ...told };
  if (errorShare(control) >= BROKEN_SHARE)
    return {
      verdict: "not-enough-data",
      summary: `both releases fail (old ${percent(errorShare(control))}, new ${percent(errorShare(fresh))}): neither is blamed`,
      ...told,
    };
  return { verdict: "pass", summary: `the new release is no worse: ${summaryOf(control, fresh)}`, ...told };
}

function faults(comparison: Comparison, control: Sample, rules: CompareRules): readonly string[] {
  const sameTime = control === comparison.old;
  const errors = sameTime ? comparison.errors : errorsAboveBefore(comparison, rules);
  const found: string[] = [];
  const { fresh } = comparison;
  const [usual, seen] = [errorShare(control), errorShare(fresh)];
  if (seen - usual >= rules.errorMargin && isSignificant(errors, rules.alpha * ERRORS_PART))
    found.push(`${percent(seen)} of its requests fail, of the old release ${percent(usual)} (${chance(errors)})`);
  for (const kind of SLOW_KINDS) {
    const evidence = sameTime ? comparison.slow[kind] : slowAboveBefore(comparison, kind, rules);
    const slower = slowdown(control, fresh, kind, rules);
    if (slower !== null && isSignificant(evidence, rules.alpha * SLOW_PART)) found.push(`${slower} (${chance(evidence)})`);
  }
  return found;
}

/** How much slower it is, in words; null if it is within bounds. */
function slowdown(control: Sample, fresh: Sample, kind: SlowKind, { maxSlowdown, slowdownFloorMs }: CompareRules): string | null {
  const [usual, seen] = [quantileMs(control, QUANTILES[kind]), quantileMs(fresh, QUANTILES[kind])];
  if (maxSlowdown === null || usual === null || seen === null) return null;
  if (seen < usual * maxSlowdown || seen - usual < slowdownFloorMs) return null;
  return `its ${kind} is ${seen.toFixed(1)} ms, that of the old release ${usual.toFixed(1)} ms`;
}

/** Against what the old release did before: the share may be anything that is compatible with it, and the margin on top. */
function errorsAboveBefore({ before, fresh }: Comparison, { alpha, errorMargin }: CompareRules): Evidence {
  return evidenceAbove(upperShare(errorsOf(before), alpha / 10) + errorMargin, errorsOf(fresh));
}

function slowAboveBefore({ before, fresh }: Comparison, kind: SlowKind, rules: CompareRules): Evidence {
  const limit = slowLimit(before, kind, rules);
  if (limit === null) return NO_EVIDENCE;
  return evidenceAbove(upperShare(slowerThan(before, limit), rules.alpha / 10), slowerThan(fresh, limit));
}

function controlText({ old }: Comparison, control: Sample): string {
  return control === old
    ? "compared with the old release in the same time"
    : "compared with the old release in the time before: it gets too few requests now";
}

function tooFew(control: Sample, fresh: Sample, { minRequests }: CompareRules): string {
  return (
    `too few requests to judge: ${String(fresh.requests)} of the new release and ${String(control.requests)} of the old one, ` +
    `${String(minRequests)} of each are needed`
  );
}

function chance(evidence: Evidence): string {
  const p = pValue(evidence);
  return p < 1e-6 ? "p < 0.000001" : `p = ${p.toPrecision(2)}`;
}
