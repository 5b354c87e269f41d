import type { TaskResult } from "../task.ts";
import { addWindow, evidenceAbove, NO_EVIDENCE, pValue, upperShare, type Evidence } from "./evidence.ts";
import { addToLook, lookPValue, NO_LOOK, type Look } from "./look.ts";
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
  readonly look: Look;
  /** The new release while the old one got nothing at all: there is no same time then. */
  readonly alone: Sample;
  readonly slow: Readonly<Record<SlowKind, Evidence>>;
}

type SlowKind = keyof typeof QUANTILES;

const QUANTILES = { median: 0.5, p99: 0.99 } as const;
const SLOW_KINDS = Object.keys(QUANTILES) as readonly SlowKind[];
/** Above this share of errors the old release proves nothing: both are without what they need. */
const BROKEN_SHARE = 0.5;
/** What each test may take of the chance of a false alarm. Errors take the most, for they hurt the most; the sum with both latencies is 1. */
const PARTS = { look: 0.5, always: 0.3, alone: 0.1, slow: 0.05 } as const;

export function newComparison(before: Sample = NO_SAMPLE): Comparison {
  const samples = { before, old: NO_SAMPLE, fresh: NO_SAMPLE, alone: NO_SAMPLE };
  return { ...samples, errors: NO_EVIDENCE, look: NO_LOOK, slow: { median: NO_EVIDENCE, p99: NO_EVIDENCE } };
}

/** Adds what both did in one more window of time. */
export function addToComparison(known: Comparison, old: Sample, fresh: Sample, rules: CompareRules): Comparison {
  return {
    before: known.before,
    old: addSamples(known.old, old),
    fresh: addSamples(known.fresh, fresh),
    errors: addWindow(known.errors, errorsOf(old), errorsOf(fresh)),
    look: addToLook(known.look, errorsOf(old), errorsOf(fresh)),
    alone: old.requests === 0 ? addSamples(known.alone, fresh) : known.alone,
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
  const reasons = enough ? [...errorFaults(comparison, control, { rules, over }), ...slowFaults(comparison, control, rules)] : [];
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

/** Where it is too much and no chance, in words. */
function errorFaults(
  comparison: Comparison,
  control: Sample,
  { rules, over }: { rules: CompareRules; over: boolean },
): readonly string[] {
  const { before, old, fresh, alone, errors, look } = comparison;
  if (control !== old)
    return errorFault({ usual: before, seen: fresh, p: aboveP(before, fresh, rules), limit: PARTS.alone }, rules);
  const always = errorFault({ usual: old, seen: fresh, p: pValue(errors), limit: PARTS.always }, rules);
  if (always.length > 0) return always;
  const looked = errorFault({ usual: old, seen: fresh, p: lookPValue(look, over), limit: PARTS.look }, rules);
  if (looked.length > 0) return looked;
  const known = addSamples(before, old);
  return errorFault({ usual: known, seen: alone, p: aboveP(known, alone, rules), limit: PARTS.alone }, rules);
}

interface ErrorSight {
  readonly usual: Sample;
  readonly seen: Sample;
  readonly p: number;
  /** The part of the allowed chance that this test may take. */
  readonly limit: number;
}

function errorFault({ usual, seen, p, limit }: ErrorSight, { alpha, errorMargin }: CompareRules): readonly string[] {
  if (p > alpha * limit || errorShare(seen) - errorShare(usual) < errorMargin) return [];
  return [
    `${percent(errorShare(seen))} of its requests fail, of the old release ${percent(errorShare(usual))} (${chanceText(p)})`,
  ];
}

function slowFaults(comparison: Comparison, control: Sample, rules: CompareRules): readonly string[] {
  const sameTime = control === comparison.old;
  return SLOW_KINDS.flatMap((kind) => {
    const p = pValue(sameTime ? comparison.slow[kind] : slowAboveBefore(comparison, kind, rules));
    const slower = slowdown(control, comparison.fresh, kind, rules);
    return slower === null || p > rules.alpha * PARTS.slow ? [] : [`${slower} (${chanceText(p)})`];
  });
}

/** How much slower it is, in words; null if it is within bounds. */
function slowdown(control: Sample, fresh: Sample, kind: SlowKind, { maxSlowdown, slowdownFloorMs }: CompareRules): string | null {
  const [usual, seen] = [quantileMs(control, QUANTILES[kind]), quantileMs(fresh, QUANTILES[kind])];
  if (maxSlowdown === null || usual === null || seen === null) return null;
  if (seen < usual * maxSlowdown || seen - usual < slowdownFloorMs) return null;
  return `its ${kind} is ${seen.toFixed(1)} ms, that of the old release ${usual.toFixed(1)} ms`;
}

/** Against what is known of the old release: the share may be anything that is compatible with it, and the margin on top. */
function aboveP(known: Sample, seen: Sample, { alpha, errorMargin }: CompareRules): number {
  if (known.requests === 0 || seen.requests === 0) return 1;
  return pValue(evidenceAbove(upperShare(errorsOf(known), alpha / 10) + errorMargin, errorsOf(seen)));
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

function chanceText(p: number): string {
  return p < 1e-6 ? "p < 0.000001" : `p = ${p.toPrecision(2)}`;
}
