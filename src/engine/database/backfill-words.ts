import { HitlessError } from "../../base/error.ts";
import type { Action } from "../../database/plan/action.ts";
import type { BackfillRecord, FailedRow, Survey } from "../../ports/database.ts";
import { named } from "./action-words.ts";

/** Keys that are shown where many rows fail. */
const SHOWN = 20;

/** What people should know before the first batch. */
export function surveyTexts({ title }: Action, { rows, bytes, rowsPerSecond, triggers, quiet }: Survey): readonly string[] {
  const time = rowsPerSecond === null ? "" : `, about ${seconds((rows / rowsPerSecond) * 1_000)} at the rate of the last one`;
  const estimate = `${title}: about ${count(rows)} rows in ${count(Math.ceil(bytes / 1_048_576))} MiB${time}`;
  if (triggers.length === 0) return [estimate];
  const fire = quiet ? "do not fire for it" : "fire for each row (a column like updated_at may change)";
  return [estimate, `${title}: triggers that ${fire}: ${triggers.join(", ")}`];
}

/** What it was. */
export function recordText({ title }: Action, { rows, ms, pausedMs, workers, comparison }: BackfillRecord): string {
  const differing = comparison?.different ?? 0;
  const how = [
    `${count(rows)} rows in ${seconds(ms)}`,
    ...(pausedMs > 0 ? [`${seconds(pausedMs)} of it paused`] : []),
    ...(workers > 1 ? [`${String(workers)} workers`] : []),
    ...(comparison === null ? [] : [`${count(comparison.rows)} rows compared`]),
    ...(differing === 0 ? [] : [`${count(differing)} of them hold another value, which somebody has written since`]),
  ];
  return `${title}: ${how.join(", ")}`;
}

export function incomplete(action: Action, { failed, table }: BackfillRecord): HitlessError {
  return new HitlessError({
    code: "ERR_BACKFILL_INCOMPLETE",
    what: `${named(action)}: ${count(failed.length)} row${failed.length === 1 ? "" : "s"} of ${table} cannot be done; all others are.`,
    next: "Correct these rows, or the expression, and run it again: only they are tried then.",
    details: [
      ...failed.slice(0, SHOWN).map(failedText),
      ...(failed.length > SHOWN ? [`… and ${count(failed.length - SHOWN)} more`] : []),
    ],
  });
}

/** `700001: invalid input syntax for type integer: "x"` */
function failedText({ key, message }: FailedRow): string {
  return `${key.join(", ")}: ${message}`;
}

function count(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
