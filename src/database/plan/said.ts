import type { Sync } from "../source/annotations.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";

/** What was said about a column, in the release's name for it: of this statement, or else of none in particular. */
export function said(draft: PlanDraft, table: TableDraft, kind: Sync["kind"], column: string): Sync | undefined {
  const names = [table.name.name, `${table.name.schema}.${table.name.name}`, table.physical.name];
  return [...draft.statement.own, ...draft.syncs].find(
    (sync) => sync.kind === kind && sync.column === column && names.includes(sync.table),
  );
}
