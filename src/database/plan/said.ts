import type { Sync } from "../source/annotations.ts";
import type { SourceStatement } from "../source/statements.ts";
import { ident } from "../names.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";

/** What was said about a column, in the release's name for it: of this statement, or else of none in particular. */
export function said(draft: PlanDraft, table: TableDraft, kind: Sync["kind"], column: string): Sync | undefined {
  const found = [...draft.statement.own, ...draft.syncs].find(
    (sync) => sync.kind === kind && sync.column === column && namesOf(table).includes(sync.table),
  );
  if (found !== undefined) draft.heard.add(found);
  return found;
}

/** What was said of a column for which no statement asks is most often a slip in a name, and what it should have filled stays empty. */
export function noticeUnheard(draft: PlanDraft, statements: readonly SourceStatement[]): void {
  const made = draft.tables.filter(({ base }) => base === null).flatMap(namesOf);
  const all = [...new Set([...statements.flatMap(({ own }) => own), ...draft.syncs])];
  for (const sync of all.filter((one) => !draft.heard.has(one) && !made.includes(one.table))) {
    const text = `nothing asks for \`${sync.kind} ${sync.table}.${sync.column}\`: no statement of this release adds or changes such a column in a way that needs it; a name with capitals or blanks stands in double quotes`;
    draft.notices.push({ rule: "annotation", position: sync.position, text });
  }
}

const namesOf = ({ name, physical }: TableDraft): readonly string[] => [name.name, `${name.schema}.${name.name}`, physical.name];

/** A column as an annotation names it. */
export function annotated(table: TableDraft, column: string): string {
  return `${ident(table.name.name)}.${ident(column)}`;
}
