import type { StepDefinition } from "./step-definition.ts";
import { isOver, newRecord, type NewStep, type StepRecord } from "./step-record.ts";

export interface Preparation {
  /** Records that are new or changed. */
  readonly changed: readonly StepRecord[];
  /** Names that no file stands for any more. */
  readonly unwanted: readonly string[];
  /** Two releases that want the same column: each a sentence. Nothing may be changed then. */
  readonly conflicts: readonly string[];
}

/** Why a step is cancelled for which no file stands any more. */
export const NOT_WANTED = "the coming release has no such step any more";

/**
 * What a preparation makes of the records there are. A step whose file has changed is another step, and begins anew; one that failed is tried again, unless it
 * was ended in the middle and may not be repeated; one that somebody has cancelled stays so. What no file stands for any more is cancelled, unless it is at work, which goes on to its end.
 */
export function prepare(steps: readonly StepDefinition[], records: readonly StepRecord[], about: NewStep): Preparation {
  const own = new Map(records.filter(({ app }) => app === about.app).map((record) => [record.definition.name, record]));
  const changed = steps.flatMap((step) => {
    const before = own.get(step.name) ?? null;
    const after = prepared(step, before, about);
    return after === before ? [] : [after];
  });
  const names = new Set(steps.map(({ name }) => name));
  const left = [...own.values()].filter(({ definition }) => !names.has(definition.name));
  const dropped = left
    .filter((record) => !isOver(record) && !isAtWork(record))
    .map((record): StepRecord => ({
      ...record,
      state: "cancelled",
      reason: NOT_WANTED,
      endedAt: about.now,
    }));
  const others = [...left.filter(isAtWork), ...records.filter(({ app }) => app !== about.app)];
  return {
    changed: [...changed, ...dropped],
    unwanted: left.map(({ definition: { name } }) => name),
    conflicts: conflictsOf(steps, others, about),
  };
}

/** A wait does nothing that could be ended in the middle. */
function isAtWork({ state, definition: { work } }: StepRecord): boolean {
  return state === "running" && work.kind !== "wait";
}

function prepared(step: StepDefinition, before: StepRecord | null, about: NewStep): StepRecord {
  if (before?.definition.digest !== step.digest) return newRecord(step, about, before);
  const isBack = before.state === "cancelled" && before.reason === NOT_WANTED;
  // Whether it may be done once more only its author can say, with `retry`.
  if (before.failure?.code === "ERR_STEP_BROKEN_OFF" && (isBack || before.state === "incomplete"))
    return { ...before, definition: step, snapshot: about.snapshot, state: "incomplete", reason: null };
  if (isBack || before.state === "failed" || before.state === "incomplete")
    return {
      ...before,
      definition: step,
      snapshot: about.snapshot,
      state: "waiting",
      failure: null,
      reason: null,
      endedAt: null,
    };
  return before.state === "waiting" ? { ...before, definition: step, snapshot: about.snapshot } : before;
}

/** Two steps that set the same column of a table undo one another, whichever comes first. */
function conflictsOf(
  steps: readonly StepDefinition[],
  others: readonly StepRecord[],
  { app, database }: NewStep,
): readonly string[] {
  return steps.flatMap((step) =>
    others
      .filter((other) => !isOver(other) && other.lane === database)
      .flatMap(({ app: owner, definition: other, state }) =>
        sharedColumns(step, other).map(
          (column) =>
            `${step.path} sets ${column}, as ${other.name} of ${owner === app ? "an earlier preparation" : owner} does, which is ${state}`,
        ),
      ),
  );
}

function sharedColumns({ work: own }: StepDefinition, { work: other }: StepDefinition): readonly string[] {
  if (own.kind !== "update" || other.kind !== "update") return [];
  const table = plainName(own.table);
  if (table !== plainName(other.table)) return [];
  const columns = new Set(columnsOf(other.set));
  return columnsOf(own.set)
    .filter((column) => columns.has(column))
    .map((column) => `${table}.${column}`);
}

/** The table's own name: what stands before it is the same in most databases, and a doubt is better told than not. */
function plainName(table: string): string {
  return (table.split(".").at(-1) ?? table).replaceAll('"', "").toLowerCase();
}

/** Unquoted names of the columns that a `SET` list sets: what stands before each `=` that is in no parenthesis and no text. */
export function columnsOf(set: string): readonly string[] {
  const bare = set.replace(/'(?:[^']|'')*'/g, "''");
  const parts: string[] = [""];
  let depth = 0;
  for (const sign of bare) {
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (sign === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] = `${parts.at(-1) ?? ""}${sign}`;
  }
  return parts.flatMap((part) => {
    const target = part.slice(0, part.indexOf("=")).trim();
    const names = target.startsWith("(") ? target.slice(1, -1).split(",") : [target];
    return names.map((name) => (name.trim().startsWith('"') ? name.trim().slice(1, -1) : name.trim().toLowerCase()));
  });
}
