import { HitlessError } from "../../base/error.ts";
import type { StepDefinition } from "../../core/preparation/step-definition.ts";
import { remainingMs, type StepRecord } from "../../core/preparation/step-record.ts";

/** What a deployment says whose steps are not done: each, how it is, and how long it should take. */
export function unfinished(app: string, missing: readonly StepDefinition[], records: readonly StepRecord[]): HitlessError {
  return new HitlessError({
    code: "ERR_STEPS_UNFINISHED",
    what: `${String(missing.length)} step${missing.length === 1 ? "" : "s"} that this release of ${app} requires ${missing.length === 1 ? "is" : "are"} not done.`,
    next: "`hitless deploy --run-steps` runs them now and then deploys; `--wait-steps` waits for their windows. Nothing was started.",
    details: missing.map((step) => lineOf(step, records)),
  });
}

function lineOf({ name, digest }: StepDefinition, records: readonly StepRecord[]): string {
  const record = records.find(({ definition }) => definition.name === name);
  if (record === undefined) return `${name}: was never prepared, and nobody knows how long it takes`;
  if (record.definition.digest !== digest) return `${name}: was prepared with another content${tookText(record)}`;
  const why = record.failure?.what ?? record.reason;
  const left = remainingMs(record);
  const time = left === null ? "nobody knows yet how long it takes" : `about ${durationText(left)} of work left`;
  return `${name}: ${record.state}${why === null ? "" : ` (${why})`}, ${time}`;
}

function tookText({ state, workedMs, last }: StepRecord): string {
  const ms = state === "done" ? workedMs : last?.ms;
  return ms === undefined ? "" : `, which took ${durationText(ms)}`;
}

function durationText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 120) return `${String(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${String(minutes)} m` : `${String(Math.round(minutes / 60))} h`;
}
