import type { Sync } from "../source/annotations.ts";
import { ident } from "../names.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { annotatedAs } from "./unheard.ts";

/** What was said about a column, in the release's name for it: of this statement, or else of none in particular. */
export function said(draft: PlanDraft, table: TableDraft, kind: Sync["kind"], column: string): Sync | undefined {
  const found = [...draft.statement.own, ...draft.syncs].find(
    (sync) => sync.kind === kind && sync.column === column && annotatedAs(table).includes(sync.table),
  );
  if (found !== undefined) draft.heard.add(found);
  return found;
}

/** A column as an annotation names it. */
export function annotated(table: TableDraft, column: string): string {
  return `${ident(table.name.name)}.${ident(column)}`;
}
