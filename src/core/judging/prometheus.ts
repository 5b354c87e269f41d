import type { PrometheusTask, TaskResult } from "../task.ts";

/** What a query gave: numbers, or why there are none. */
export type Reading = { readonly values: readonly number[] } | { readonly none: string };

/** How a gate by Prometheus stands. */
export interface Readings {
  readonly asked: number;
  readonly withData: number;
  /** Out of bounds, in a row, up to now. */
  readonly badInRow: number;
  readonly last: Reading | null;
}

export const NO_READINGS: Readings = Object.freeze({ asked: 0, withData: 0, badInRow: 0, last: null });

/** Of the answers so many must have had data; with fewer a pass would rest on luck. */
const DATA_SHARE = 0.5;

/**
 * Reads the answer of `/api/v1/query` (Prometheus HTTP API: `status`, `data.resultType`, `data.result`; values are text). What is no number,
 * `NaN` and the infinities of a division by nothing included, is no data.
 */
export function readAnswer(status: number, body: string): Reading {
  const answer = parsed(body);
  if (answer === null) return { none: `HTTP ${String(status)} with a body that is no JSON object` };
  if (answer["status"] !== "success") return { none: `HTTP ${String(status)}: ${text(answer["error"] ?? answer["status"])}` };
  const data = answer["data"];
  if (!isRecord(data)) return { none: "an answer without data" };
  const samples = samplesOf(data);
  if (samples === null) return { none: `a result of type ${text(data["resultType"])}, expected a vector or a scalar` };
  if (samples.length === 0) return { none: "an empty result" };
  const values = samples.map(valueOf);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  return bad === -1 ? { values } : { none: `the value ${text(rawOf(samples[bad]))}` };
}

export function addReading(readings: Readings, reading: Reading, { pass }: PrometheusTask): Readings {
  const good = "values" in reading ? reading.values.every((value) => isWithin(value, pass)) : null;
  return {
    asked: readings.asked + 1,
    withData: readings.withData + (good === null ? 0 : 1),
    badInRow: good === null ? readings.badInRow : good ? 0 : readings.badInRow + 1,
    last: good === null && readings.last !== null && "values" in readings.last ? readings.last : reading,
  };
}

/** Null as long as the verdict is open. */
export function judgeReadings(readings: Readings, latest: Reading, task: PrometheusTask, over: boolean): TaskResult | null {
  const { name, failures, pass } = task;
  const { asked, withData, badInRow, last } = readings;
  const figures = { asked, withData };
  const value = last !== null && "values" in last ? last.values.map(String).join(", ") : "none";
  if (badInRow >= failures || (over && badInRow > 0))
    return { verdict: "fail", summary: `${name} is ${value}, expected ${boundsText(pass)}`, figures };
  if (!over) return null;
  if ("none" in latest || withData < asked * DATA_SHARE) {
    const why = "none" in latest ? latest.none : "most of the answers had no data";
    return { verdict: "not-enough-data", summary: `${name} cannot be told: ${why}`, figures };
  }
  return { verdict: "pass", summary: `${name} is ${value}, expected ${boundsText(pass)}`, figures };
}

/** Puts what the task is about in place of `${release}` and the like. */
export function filled(query: string, values: Readonly<Record<string, string>>): string {
  return query.replace(/\$\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: PrometheusTask["pass"]): boolean {
  return value >= min && value <= max;
}

function boundsText({ min, max }: PrometheusTask["pass"]): string {
  if (min === undefined) return `at most ${String(max)}`;
  return max === undefined ? `at least ${String(min)}` : `from ${String(min)} to ${String(max)}`;
}

function samplesOf({ resultType, result }: Record<string, unknown>): readonly unknown[] | null {
  if (!Array.isArray(result)) return null;
  if (resultType === "scalar") return [{ value: result }];
  return resultType === "vector" ? result : null;
}

/** A sample is `[time, "text of the value"]`. */
function rawOf(sample: unknown): unknown {
  const pair = isRecord(sample) ? sample["value"] : null;
  return Array.isArray(pair) ? (pair as unknown[])[1] : null;
}

function valueOf(sample: unknown): number {
  const raw = rawOf(sample);
  return typeof raw === "string" && raw.trim() !== "" ? Number(raw) : NaN;
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const SHOWN_MAX = 200;

function text(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value ?? null)).slice(0, SHOWN_MAX);
}
