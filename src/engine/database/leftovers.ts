import type { ChangeSet } from "../../database/change-set.ts";
import type { Plan } from "../../database/plan/action.ts";
import { goesWith, isRelation, keptBy, KeptObjects, keyOfKept, type Leftover } from "../../database/plan/leftovers.ts";
import type { JournalRow } from "../../ports/database.ts";

export interface LeftoverQueries {
  readonly journal: (release: number) => Promise<readonly JournalRow[]>;
  /** A query for one boolean. */
  readonly ask: (sql: string) => Promise<boolean>;
}

type Found = Leftover & { readonly keepIf: string };

/** What releases that were taken back have left and no later one has taken over, for the planner of the next one. */
export async function leftovers(sets: readonly ChangeSet[], queries: LeftoverQueries): Promise<readonly Leftover[]> {
  const found = new Map<string, Found>();
  const remove = (goes: (one: Found) => boolean): void => {
    for (const [key, one] of found) if (goes(one)) found.delete(key);
  };
  for (const set of sets) {
    if (set.state !== "reverted") {
      const taken = takenBy(set.plan);
      remove(({ object }) => taken.has(object));
    } else {
      for (const one of keptOf(set, await queries.journal(set.release))) {
        if (isAnew(one)) remove(({ object }) => goesWith(object, one.object));
        // A later release has left the same: it is the last now.
        found.delete(keyOfKept(one.object));
        found.set(keyOfKept(one.object), one);
      }
    }
  }
  const holds = new Map<string, boolean>();
  for (const { keepIf } of found.values())
    // What cannot be asked any more is not there any more.
    if (!holds.has(keepIf)) holds.set(keepIf, await queries.ask(keepIf).catch(() => false));
  return [...found.values()].map(({ keepIf, ...one }) => ({ ...one, holds: holds.get(keepIf) === true }));
}

function keptOf({ release, plan }: ChangeSet, journal: readonly JournalRow[]): readonly Found[] {
  const kept = new Set(journal.filter(({ state }) => state === "kept").map(({ action }) => action));
  return plan.actions.flatMap(({ id, keeps, keepIf, run }) =>
    keepIf === undefined || !kept.has(id)
      ? []
      : keptBy({ keeps }).map((object) => ({
          object,
          release,
          made: run.kind === "transaction" ? run.sql : [],
          keepIf,
          holds: true,
        })),
  );
}

/** What the release has now, as it was left or made anew. */
function takenBy(plan: Plan): KeptObjects {
  return new KeptObjects([...(plan.adopts ?? []), ...plan.actions.flatMap(keptBy)]);
}

/** Nothing of what was done to the old one is there any more. */
function isAnew({ object, made }: Found): boolean {
  return isRelation(object) && made.length > 1;
}
