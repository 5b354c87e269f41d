import { child, children } from "../ast.ts";
import type { Node } from "../language.ts";
import type { KeptObject } from "./action.ts";
import type { ActionDraft, PlanDraft } from "./draft.ts";
import { isRelation, keptBy } from "./leftovers.ts";

/** What one transaction does at the most: rows of tables in use that it refers to are held until its end. */
const MOST = 1_000;
/** Tables that a title names. */
const NAMED = 3;

/** Rows that are written as they stand there; what reads a table is as long as that is large, and stays a transaction of its own. */
export function writesPlainRows(node: Node): boolean {
  const select = child(child(node, "selectStmt") ?? {}, "SelectStmt");
  return child(node, "withClause") === null && (select === null || children(select, "valuesLists").length > 0);
}

/** An INSERT into a table that nobody knows yet: one transaction with those right before it. */
export function actTogether(draft: PlanDraft, action: ActionDraft): void {
  if (draft.statement.said.length > 0) draft.act(action);
  else draft.actTogether({ ...action, together: true }, (before) => joined(before, action));
}

function joined(before: ActionDraft, { run, keeps }: ActionDraft): ActionDraft | null {
  if (before.together !== true || typeof before.run === "function" || typeof run === "function") return null;
  if (before.run.kind !== "transaction" || run.kind !== "transaction" || before.run.sql.length >= MOST) return null;
  const kept = [...keptBy(before), ...keptBy({ keeps })];
  return { ...before, title: titleOf(kept), run: { kind: "transaction", sql: [...before.run.sql, ...run.sql] }, keeps: kept };
}

function titleOf(kept: readonly KeptObject[]): string {
  const tables = [...new Set(kept.map((one) => (isRelation(one) ? one.name : (one.of?.name ?? ""))))];
  const more = tables.length - NAMED;
  const names = [...tables.slice(0, NAMED), ...(more > 0 ? [`${String(more)} more`] : [])];
  return `insert into ${names.join(", ")} (${String(kept.length)} statements)`;
}
