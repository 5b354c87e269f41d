import type { ChangeSet } from "../../database/change-set.ts";
import type { Plan } from "../../database/plan/action.ts";
import { goesWith, isRelation, sameObject, type Leftover } from "../../database/plan/leftovers.ts";
import type { JournalRow } from "../../ports/database.ts";

export interface LeftoverQueries {
  readonly journal: (release: number) => Promise<readonly JournalRow[]>;
  /** A query for one boolean. */
  readonly ask: (sql: string) => Promise<boolean>;
}

type Found = Leftover & { readonly keepIf: string };

/** What releases that were taken back have left and no later one has taken over, for the planner of the next one. */
export async function leftovers(sets: readonly ChangeSet[], queries: LeftoverQueries): Promise<readonly Leftover[]> {
  let found: readonly Found[] = [];
  for (const set of sets) {
    if (set.state !== "reverted") found = found.filter(({ object }) => !isTaken(set.plan, object));
    else
      for (const one of keptOf(set, await queries.journal(set.release)))
        found = [...found.filter((other) => !isOlder(other, one)), one];
  }
  const left: Leftover[] = [];
  // What cannot be asked any more is not there any more.
  for (const { keepIf, ...one } of found) left.push({ ...one, holds: await queries.ask(keepIf).catch(() => false) });
  return left;
}

function keptOf({ release, plan }: ChangeSet, journal: readonly JournalRow[]): readonly Found[] {
  const kept = new Set(journal.filter(({ state }) => state === "kept").map(({ action }) => action));
  return plan.actions.flatMap(({ id, keeps, keepIf, run }) =>
    keeps === undefined || keepIf === undefined || !kept.has(id)
      ? []
      : [{ object: keeps, release, made: run.kind === "transaction" ? run.sql : [], keepIf, holds: true }],
  );
}

/** The release has it now, as it was left or made anew. */
function isTaken(plan: Plan, object: Leftover["object"]): boolean {
  const own = [...(plan.adopts ?? []), ...plan.actions.flatMap(({ keeps }) => keeps ?? [])];
  return own.some((one) => sameObject(one, object) || goesWith(object, one));
}

/** A later release has left the same; where it had made it anew, nothing of what was done to the old one is there any more. */
function isOlder(one: Found, later: Found): boolean {
  const anew = isRelation(later.object) && later.made.length > 1;
  return sameObject(one.object, later.object) || (anew && goesWith(one.object, later.object));
}
