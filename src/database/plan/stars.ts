import type { Routine } from "../catalog.ts";
import { signed } from "./routine-text.ts";
import { quoteTable } from "./alter.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";

/**
 * #84: a function that declares its columns and returns `SELECT *` of the table fails with every further column (42804), also for the release that
 * runs. Row types (`SETOF users`) grow with the table and are no concern.
 */
export function refuseStars(draft: PlanDraft, table: TableDraft): void {
  if (table.base === null || draft.accepts("select-star")) return;
  const stars = draft.catalog.routines.filter((routine) => returnsStarOf(routine, table));
  if (
    stars.length === 0 ||
    draft.refusals.some(({ rule, position }) => rule === "select-star" && position === draft.statement.position)
  )
    return;
  draft.refuse(
    "select-star",
    `${stars.map(({ name }) => `${name}()`).join(", ")} would fail at once: RETURN QUERY SELECT * gives one column more than it declares`,
    [
      ...stars.map(
        (routine) =>
          `-- in an earlier release, ${signed(routine.schema, routine)} with its columns named: RETURN QUERY SELECT … FROM ${quoteTable(table)}`,
      ),
      "-- or, if it is never called: -- hitless: accept select-star because <reason>",
    ],
  );
}

function returnsStarOf({ definition }: Routine, { physical }: TableDraft): boolean {
  if (definition === null || !/\bRETURNS TABLE\s*\(/i.test(definition)) return false;
  const name = physical.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const star = String.raw`\bSELECT\s+(?:\w+\s*\.\s*)?\*\s+FROM\s+(?:"?\w+"?\s*\.\s*)?"?${name}"?(?![\w"])`;
  return new RegExp(star, "i").test(definition);
}
