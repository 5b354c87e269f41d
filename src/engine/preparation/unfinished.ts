import { HitlessError, type Failure } from "../../base/error.ts";
import type { StepDefinition } from "../../core/preparation/step-definition.ts";
import { remainingMs, type StepRecord } from "../../core/preparation/step-record.ts";

/** One step of those that are not done. */
interface Missing {
  readonly lines: readonly string[];
  /** Whether it wants something else than time: no `--run-steps` brings it to its end. */
  readonly wantsWord: boolean;
}

/** What a deployment says whose steps are not done: each, how it is, and how long it should take or what it waits to be told. */
export function unfinished(app: string, steps: readonly StepDefinition[], records: readonly StepRecord[]): HitlessError {
  const missing = steps.map((step) => missingOf(step, records));
  return new HitlessError({
    code: "ERR_STEPS_UNFINISHED",
    what: `${String(steps.length)} step${steps.length === 1 ? "" : "s"} that this release of ${app} requires ${steps.length === 1 ? "is" : "are"} not done.`,
    next: nextAfter(missing),
    details: missing.flatMap(({ lines }) => lines),
  });
}

function nextAfter(missing: readonly Missing[]): string {
  const told = missing.filter(({ wantsWord }) => wantsWord).length;
  if (told === 0)
    return "`hitless deploy --run-steps` runs them now and then deploys; `--wait-steps` waits for their windows. Nothing was started.";
  const first = `Tell ${missing.length === 1 ? "it" : told === missing.length ? "each" : "those that want it"} what stands there`;
  if (told === missing.length) return `${first}, and deploy again. Nothing was started.`;
  return `${first}; \`hitless deploy --run-steps\` runs the others now and then deploys, \`--wait-steps\` waits for their windows. Nothing was started.`;
}

function missingOf(step: StepDefinition, records: readonly StepRecord[]): Missing {
  const { name, digest } = step;
  const record = records.find(({ definition }) => definition.name === name);
  const same = record?.definition.digest === digest ? record : null;
  const word = wordFor(step, same);
  if (word !== null) return { lines: word, wantsWord: true };
  return { lines: [record === undefined || same === null ? unpreparedText(name, record) : openText(same)], wantsWord: false };
}

/** What only a person can say to it, with what they have to know before; null: nothing. */
function wordFor({ name, work }: StepDefinition, record: StepRecord | null): readonly string[] | null {
  const approves = work.kind === "wait" && work.until.kind === "approval" ? work.until.text : null;
  if (record === null)
    return approves === null
      ? null
      : [
          `${name}: is not prepared yet, and wants an approval (${approves}): \`hitless prepare --detach\`, then \`hitless steps approve ${name}\``,
        ];
  const { state, approvedBy, failure } = record;
  if (approves !== null && approvedBy === null && (state === "running" || state === "waiting"))
    return [`${name}: waits for an approval (${approves}): \`hitless steps approve ${name}\``];
  if (state === "cancelled") return [`${name}: ${state}${whyText(record)}: \`hitless steps retry ${name}\` takes it up again`];
  if (state !== "incomplete") return null;
  if (failure === null) return [`${name}: ${state}${whyText(record)}: \`hitless steps resume ${name}\``];
  const rows = failure.details ?? [];
  return [`${name}: ${state}${whyText(record)}: ${againText(name, failure)}`, ...rows.map((row) => `  ${row}`)];
}

function againText(name: string, { code, next }: Failure): string {
  if (code === "ERR_STEP_BROKEN_OFF" && next !== undefined) return next;
  return `\`hitless steps retry ${name}\` does what is left, once that can be done`;
}

function unpreparedText(name: string, before: StepRecord | undefined): string {
  if (before === undefined) return `${name}: was never prepared, and nobody knows how long it takes`;
  return `${name}: was prepared with another content${tookText(before)}`;
}

function openText(record: StepRecord): string {
  const left = remainingMs(record);
  const time = left === null ? "nobody knows yet how long it takes" : `about ${durationText(left)} of work left`;
  return `${record.definition.name}: ${record.state}${whyText(record)}, ${time}`;
}

function whyText({ failure, reason }: StepRecord): string {
  const why = failure?.what ?? reason;
  return why === null ? "" : ` (${why.replace(/\.$/, "")})`;
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
