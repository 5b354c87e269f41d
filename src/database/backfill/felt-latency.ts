import {
  addHistograms,
  countAbove,
  countOf,
  fineQuantile,
  scaleHistogram,
  subtractHistograms,
  type HistogramData,
} from "../../base/histogram.ts";
import { SLOWEST, type Reading } from "./pace-law.ts";

/** All answers of an app since its proxy started: microseconds. */
export interface LatencySample {
  readonly at: number;
  readonly boot: string;
  readonly latency: HistogramData;
}

/** Stretches of rest, in which it is seen how fast requests are without the backfill, between stretches of work. */
interface Phase {
  readonly kind: "rest" | "work";
  readonly since: number;
  /** What was seen in it: of a rest what has not become one of the `usual` yet, of work the newest, older answers counting less. */
  readonly seen: HistogramData;
  /** The speed at its beginning. */
  readonly from: number;
}

/** What users feel of a backfill, and how fast it may go for their sake. */
export interface FeltLatency {
  /** p99 in µs of short times without it, the newest last. Their median is what is usual: one bad second among many, which a p99 of all answers would be, is not. */
  readonly usual: readonly number[];
  readonly perSecond: number;
  readonly speed: number;
  readonly phase: Phase;
  readonly last: LatencySample | null;
}

/** So few answers a second have no p99 to keep. */
const FEW = 10;
/** A p99 of fewer answers is one answer's accident. */
const ENOUGH = 200;
/** So many times of rest are remembered: those of about the last two minutes. */
const REMEMBERED = 15;
/** Where users are, it begins with a rest, and then at this. */
const BEGINNING = 0.02;
const REST_MS = 6_000;
const LONGEST_REST_MS = 30_000;
/** The slower it is the less it loses by another rest, and the more there is to learn from one. */
const [WORK_MS, FAST_WORK_MS] = [10_000, 30_000];
const SHORTEST_WORK_MS = 6_000;
/** With each look at its work what was seen in earlier ones counts less. */
const FADING = 0.8;
/** Of what was answered in a longer time nobody knows beside what. */
const LONGEST_LOOK_MS = 5_000;
/** A mean of the answers a second over about so long. */
const MEMORY_MS = 3_000;
/** It steers towards this share of the rise that is allowed: what is measured goes up and down. */
const AIM = 0.5;
/** A rise of less than so much cannot be told from none. */
const LEAST_RISE_US = 100;
/** By how much of itself the speed changes for one answer too many beyond the limit. */
const GAIN = 0.1;
/** More answers than this in one look say more, but not that it should be steered harder. */
const FULL_LOOK = 400;
const [MOST_DOWN, MOST_UP] = [0.25, 1.4];

/** `perSecond`: the answers a second by now. What is usual is seen in rests alone: who knows what else was before. */
export function feltFrom(perSecond: number): FeltLatency {
  return { usual: [], perSecond, speed: BEGINNING, phase: begun("rest", 0, BEGINNING), last: null };
}

/** `speed`: how fast it went since the last sample. `rise`: by how much of itself p99 may grow, 0.1 for a tenth. */
export function felt(
  state: FeltLatency,
  sample: LatencySample,
  by: { readonly speed: number; readonly rise: number },
): [FeltLatency, Reading] {
  const { last } = state;
  const goesOn = last !== null && last.boot === sample.boot && sample.at - last.at <= LONGEST_LOOK_MS;
  const next = goesOn ? seen(state, sample, last, by) : anew(state, sample);
  return [next, readingOf(next)];
}

function anew(state: FeltLatency, sample: LatencySample): FeltLatency {
  return { ...state, last: sample, phase: begun(state.phase.kind, sample.at, state.speed) };
}

function seen(
  state: FeltLatency,
  sample: LatencySample,
  last: LatencySample,
  by: { readonly speed: number; readonly rise: number },
): FeltLatency {
  const answers = subtractHistograms(sample.latency, last.latency);
  const ms = Math.max(1, sample.at - last.at);
  const weight = 1 - Math.exp(-ms / MEMORY_MS);
  const perSecond = state.perSecond + weight * ((countOf(answers) / ms) * 1_000 - state.perSecond);
  const met = { ...state, perSecond, last: sample };
  if (perSecond < FEW) return { ...met, speed: BEGINNING, phase: begun("rest", sample.at, BEGINNING) };
  // What was under way when the phase began belongs to both.
  if (state.phase.since === last.at) return met;
  return state.phase.kind === "rest" ? rested(met, answers, sample.at) : worked(met, answers, sample.at, by);
}

function rested(state: FeltLatency, answers: HistogramData, at: number): FeltLatency {
  const { phase } = state;
  const long = at - phase.since >= LONGEST_REST_MS;
  const seen = addHistograms(phase.seen, answers);
  const whole = countOf(seen) >= ENOUGH || (long && state.usual.length === 0 && countOf(seen) > 0);
  const usual = whole ? [...state.usual, p99(seen)].slice(-REMEMBERED) : state.usual;
  const known = at - phase.since >= REST_MS && (usual.length > 0 || long);
  return { ...state, usual, phase: known ? begun("work", at, state.speed) : { ...phase, seen: whole ? [] : seen } };
}

/** Each answer beyond the limit makes it slower, each within it a 99th of that faster: so a hundredth of them is beyond in the end. */
function worked(
  state: FeltLatency,
  answers: HistogramData,
  at: number,
  by: { readonly speed: number; readonly rise: number },
): FeltLatency {
  const { usual, phase } = state;
  if (usual.length === 0 || at - phase.since >= WORK_MS + (FAST_WORK_MS - WORK_MS) * state.speed)
    return { ...state, phase: begun("rest", at, state.speed) };
  const count = countOf(answers);
  const tooMany = countAbove(answers, limitOf(usualOf(usual), by.rise)) - count / 100;
  const factor = Math.exp(-GAIN * tooMany * Math.min(1, FULL_LOOK / Math.max(1, count)));
  // What another signal holds back has shown nothing of a higher speed.
  const up = by.speed < state.speed ? 1 : MOST_UP;
  const speed = Math.min(1, Math.max(SLOWEST, state.speed * Math.min(up, Math.max(MOST_DOWN, factor))));
  // What became much slower so soon is looked at without it: it may not be its doing.
  const doubtful = speed < phase.from / 2 && at - phase.since >= SHORTEST_WORK_MS;
  const newest = addHistograms(scaleHistogram(phase.seen, FADING), answers);
  return { ...state, speed, phase: doubtful ? begun("rest", at, speed) : { ...phase, seen: newest } };
}

function begun(kind: Phase["kind"], since: number, from: number): Phase {
  return { kind, since, seen: [], from };
}

function p99(answers: HistogramData): number {
  return fineQuantile(answers, 0.99) ?? 0;
}

/** Of two in the middle the lower one: who is in doubt is careful. */
const usualOf = (usual: FeltLatency["usual"]): number =>
  usual.toSorted((one, other) => one - other)[(usual.length - 1) >> 1] ?? 0;

function limitOf(usual: number, rise: number): number {
  return usual + Math.max(LEAST_RISE_US, usual * rise * AIM);
}

function readingOf({ usual, perSecond, speed, phase }: FeltLatency): Reading {
  const name = "latency";
  if (perSecond < FEW) return { name, load: 0, text: "too few requests to be felt" };
  const ms = (us: number): string => `${(us / 1_000).toFixed(1)} ms`;
  const without = ms(usualOf(usual));
  if (phase.kind === "rest") return { name, load: 0, most: 0, text: "it looks how fast the requests are without it" };
  const now = countOf(phase.seen) < ENOUGH ? "" : `, and ${ms(p99(phase.seen))} beside it`;
  return {
    name,
    load: 0,
    most: speed,
    text: `p99 of the requests is ${without} without it${now}: it works ${(speed * 100).toFixed(speed < 0.1 ? 1 : 0)} % of the time`,
  };
}
