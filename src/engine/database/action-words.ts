import type { Action, Backfill } from "../../database/plan/action.ts";
import { positionAt } from "../../database/source/position.ts";

const NO_PRIVILEGE = "42501";
/** Disk full, out of memory, too many connections; a limit of the server's configuration. */
const NO_RESOURCES = /^53/;

/** By what people know it: `add items.more (step e3, migrations/0002.sql:1)`, or the file of a step. */
export function named(action: Action): string {
  return action.step === undefined ? `${action.title} (${place(action)})` : fileOf(action);
}

/** The other way round: `step e3 (migrations/0002.sql:1): add items.more`. `at`: the character of its SQL, told with the file of a step, or with its key. */
export function placed(action: Action, at?: number): string {
  if (action.step === undefined) return `${place(action)}: ${action.title}`;
  const { run, written } = action;
  if (at === undefined) return fileOf(action);
  if (run.kind === "backfill") return `\`${keyAt(run.backfill, at)}\` of ${fileOf(action)}`;
  if (written === undefined) return fileOf(action);
  const { path, line, column } = positionAt(fileOf(action), written, at);
  return `${path}:${String(line)}:${String(column)}`;
}

/** Under which a step's author has written what stands there. */
function keyAt({ query, set }: Backfill, at: number): "query" | "set" | "where" {
  if (query !== undefined) return "query";
  return at < set.length ? "set" : "where";
}

function place({ id, cause }: Action): string {
  return `step ${id}${cause === null ? "" : ` (${cause.path}:${String(cause.line)})`}`;
}

/** A step is its file as a whole. */
function fileOf({ cause, title }: Action): string {
  return cause?.path ?? title;
}

export function errorCode(sqlState: string): "ERR_DATABASE_PRIVILEGE" | "ERR_DATABASE_FAILED" {
  return sqlState === NO_PRIVILEGE ? "ERR_DATABASE_PRIVILEGE" : "ERR_DATABASE_FAILED";
}

/** What to do where PostgreSQL has refused it. */
export function nextAfter({ step }: Action, sqlState: string): string {
  const again = step === undefined ? "deploy again" : `\`hitless steps retry ${step}\``;
  if (sqlState === NO_PRIVILEGE)
    return `Grant what is missing to the role of DATABASE_URL and ${again}: what was done before is kept.`;
  if (NO_RESOURCES.test(sqlState))
    return `Nothing is wrong with the ${step === undefined ? "migration" : "step"}: give the database server more room and ${again}. What was done before is kept in the journal, or was taken back.`;
  if (step !== undefined) return `Correct it and run \`hitless prepare\`, or ${again}; what it did was taken back, or is kept.`;
  return "Correct the migration and deploy again; what was done before this step was taken back or is kept in the journal.";
}
