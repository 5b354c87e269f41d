import type { ChangeSet } from "../../database/change-set.ts";
import type { Action } from "../../database/plan/action.ts";
import type { JournalRow } from "../../ports/database.ts";
import { runStep, type StepRunner } from "./steps.ts";

type Journal = readonly Pick<JournalRow, "action" | "state">[];

/** Swaps of a soft contract that are not done (or, `done`, that are). */
export function swapsOf({ plan }: Pick<ChangeSet, "plan">, journal: Journal, state: "open" | "done"): readonly Action[] {
  const done = new Set(journal.flatMap((row) => (row.state === "done" ? [row.action] : [])));
  return (plan.swaps ?? []).filter(({ id }) => done.has(id) === (state === "done"));
}

/** The base gets the names of the release, table by table, for as long as `may` says so. What is done already is not done again. */
export async function swapNames(runner: StepRunner, set: ChangeSet, may: () => boolean): Promise<void> {
  for (const action of swapsOf(set, await runner.lease.journal(set.release), "open")) {
    if (!may()) return;
    runner.note(action.title);
    const sql = action.run.kind === "transaction" ? action.run.sql : [];
    await runStep(runner, { release: set.release, action: action.id, sql, mark: "done" }, action);
  }
}

/** The base gets its old names back, the last first: an older release can use it as it did. Nothing is lost by it. */
export async function unswapNames(
  runner: StepRunner,
  set: ChangeSet,
  which: (swap: Action) => boolean = () => true,
): Promise<void> {
  for (const action of swapsOf(set, await runner.lease.journal(set.release), "done")
    .toReversed()
    .filter(which)) {
    runner.note(`giving back: ${action.title}`);
    await runStep(runner, { release: set.release, action: action.id, sql: action.undo, mark: "undone" }, action);
  }
}

/** SQL that takes back what a swap has done, for the contract that comes in its place. */
export function takenBack({ plan }: Pick<ChangeSet, "plan">, { over }: Action, journal: Journal): readonly string[] {
  return swapsOf({ plan }, journal, "done").find(({ id }) => id === over)?.undo ?? [];
}
