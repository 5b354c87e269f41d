import type { View } from "../catalog.ts";
import { ident, mentions, qualified, sameName } from "../names.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { renamedColumns } from "./final-names.ts";
import { wantedView, type WantedView } from "./views.ts";

/*
 * Views of the base that the release says nothing of, and that stand on a column which goes with the contract: PostgreSQL drops none under a view. Where
 * the column is only retyped, the view is made anew as it is.
 */

/** Those that read retyped columns, and those that read these, as the release would have written them. */
export function viewsAnew(draft: PlanDraft, wanted: readonly WantedView[], dropped: ReadonlySet<string>): readonly WantedView[] {
  const others = draft.catalog.views.filter(
    (view) => view.schema === draft.schema && !dropped.has(view.name) && !wanted.some(({ name }) => name === view.name),
  );
  const found = new Set<View>();
  for (const table of draft.tables) for (const view of readersOf(others, table)) if (isOnlyRetyped(table, view)) found.add(view);
  for (const read of found) for (const view of others) if (view.reads.some((one) => sameName(one, read))) found.add(view);
  // What holds rows of its own is not made anew beside the traffic.
  if ([...found].some(({ materialized }) => materialized)) return [];
  return [...found].flatMap((view) => {
    const options = (view.options ?? []).length === 0 ? "" : ` WITH (${(view.options ?? []).join(", ")})`;
    const [statement] = draft.language.parse(`CREATE VIEW ${ident(view.name)}${options} AS ${view.definition}`);
    return statement === undefined ? [] : [wantedView(statement.node)];
  });
}

/** It reads nothing that is dropped, or that it would have to call otherwise. */
function isOnlyRetyped(table: TableDraft, view: View): boolean {
  const gone = used(view, table.dropped);
  return gone.length > 0 && gone.every((column) => table.twins.has(column)) && used(view, renamedColumns(table)).length === 0;
}

/** What is left of them: the release must say what becomes of it. */
export function noticeViewsUnder(draft: PlanDraft, wanted: readonly WantedView[], dropped: ReadonlySet<string>): void {
  for (const table of draft.tables) {
    for (const view of readersOf(draft.catalog.views, table)) {
      if (wanted.some(({ name }) => name === view.name) || dropped.has(view.name)) continue;
      const columns = used(view, table.dropped);
      if (columns.length === 0) continue;
      const kind = view.materialized ? "materialized view" : "view";
      const anew = view.materialized ? "" : `CREATE OR REPLACE VIEW ${qualified(view)} AS …; or `;
      draft.notice(
        "view-on-dropped-column",
        `${kind} ${view.name} reads ${columns.map((column) => `${table.physical.name}.${column}`).join(", ")}, which the contract drops, and PostgreSQL will refuse that: write ${anew}DROP ${kind.toUpperCase()} ${qualified(view)}; in this release`,
      );
    }
  }
}

const readersOf = (views: readonly View[], { physical }: TableDraft): readonly View[] =>
  views.filter(({ reads }) => reads.some((one) => sameName(one, physical)));

const used = ({ definition }: View, columns: readonly string[]): readonly string[] =>
  columns.filter((column) => mentions(definition, [column]));
