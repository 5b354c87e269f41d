import { ident, qualified } from "../names.ts";
import type { KeptObject } from "./action.ts";
import type { PlanDraft } from "./draft.ts";
import { isRelation, type Leftover } from "./leftovers.ts";

/** `nothing` was left; the `same`, which is taken as it is; something else that is `empty`, which may go; something that is not to be lost, `refused`. */
export type TakeOver = "nothing" | "same" | "empty" | "refused";

/** Looks what releases that were taken back have left under a name. `made`: what would make it now, as far as one statement does. */
export function takeOver(draft: PlanDraft, object: KeptObject, made: string | null): TakeOver {
  const found = draft.leftovers.compare(object, made);
  if (found.kind === "none") return "nothing";
  if (found.kind === "same" || (found.kind === "differs" && draft.accepts("kept-differs"))) {
    draft.leftovers.adopt(object);
    return "same";
  }
  if (found.kind === "differs") {
    refuse(draft, found.leftover);
    return "refused";
  }
  draft.leftovers.forget(object);
  return "empty";
}

function refuse(draft: PlanDraft, { object, release, made }: Leftover): void {
  const by = `r${String(release)}`;
  const sql = made.at(-1) ?? "";
  const why = `${by}, which was taken back, has left ${nameOf(object)}, which holds data and is not what this release wants: ${sql}`;
  draft.refuse("kept-differs", why, [
    ...byHand(object, release).map((line) => `${line} and deploy again`),
    ...(isRelation(object) && object.column !== null
      ? []
      : [`-- or write it as ${by} did, and the change after it as a statement of its own (ALTER …)`]),
    "-- or, where it fits as it stands: -- hitless: accept kept-differs because <reason>",
  ]);
}

function nameOf(object: KeptObject): string {
  if (!isRelation(object)) return object.makes ?? "the effect of a statement";
  return object.column === null ? `the table ${qualified(object)}` : `the column ${qualified(object)}.${ident(object.column)}`;
}

/** What an operator does before the next deployment. */
function byHand(object: KeptObject, release: number): readonly string[] {
  if (!isRelation(object)) return [];
  const aside = (name: string): string => ident(`${name}_r${String(release)}`);
  const [keep, lose] =
    object.column === null
      ? [`ALTER TABLE ${qualified(object)} RENAME TO ${aside(object.name)};`, `DROP TABLE ${qualified(object)};`]
      : [
          `ALTER TABLE ${qualified(object)} RENAME COLUMN ${ident(object.column)} TO ${aside(object.column)};`,
          `ALTER TABLE ${qualified(object)} DROP COLUMN ${ident(object.column)};`,
        ];
  return [`${keep} -- by hand, if its data shall stay,`, `${lose} -- or, if they may go,`];
}
