import { child, children, words } from "../ast.ts";
import type { Node } from "../language.ts";
import { ident, qualified, rangeName, type ObjectName } from "../names.ts";
import type { SourceStatement } from "../source/statements.ts";
import type { PlanDraft } from "./draft.ts";
import { sameArguments, sameRoutine, signed, wantedRoutine, what } from "./routine-text.ts";

/*
 * Routines and views of another schema than the base: whoever calls or reads them names that schema, and so goes past the release's overlay. A new one
 * is made where it belongs; there are no two forms of one for two releases.
 */

/** True: it belongs to another schema, and is planned. */
export function planElsewhere(draft: PlanDraft, { kind, node }: Pick<SourceStatement, "kind" | "node">): boolean {
  if (kind === "CreateFunctionStmt") return planRoutineElsewhere(draft, node);
  return kind === "ViewStmt" && planViewElsewhere(draft, node);
}

function planRoutineElsewhere(draft: PlanDraft, node: Node): boolean {
  const [name = "", schema = draft.schema] = words(children(node, "funcname")).toReversed();
  if (schema === draft.schema) return false;
  const routine = wantedRoutine(draft.language, node);
  const known = draft.catalog.routines.filter((one) => one.schema === schema && one.name === name);
  const same = known.find((one) => sameArguments(one, routine));
  if (same === undefined) {
    makeElsewhere(draft, { title: `make ${name}()`, undo: `DROP ${what(node)} IF EXISTS ${signed(schema, routine)}` });
    return true;
  }
  if (same.definition !== null && sameRoutine(draft.language, same.definition, node)) return true;
  if (draft.accepts("hidden-routine")) waitForContract(draft, `change ${name}()`);
  else {
    draft.refuse(
      "hidden-routine",
      `${ident(schema)}.${ident(name)}() is found by its schema, by all releases alike: the running one would get the new one at once`,
      [
        `-- give the new one another name, and drop ${signed(schema, same)} in a later release`,
        "-- or let it change with the contract, when no older release is left: -- hitless: accept hidden-routine because <reason>",
      ],
    );
  }
  return true;
}

/** What a view is now cannot be told from what is wanted: it becomes that with the contract. */
function planViewElsewhere(draft: PlanDraft, node: Node): boolean {
  const view: ObjectName = rangeName(child(node, "view"), draft.schema);
  if (view.schema === draft.schema) return false;
  const isKnown = draft.catalog.views.some(({ schema, name }) => schema === view.schema && name === view.name);
  if (isKnown) waitForContract(draft, `change view ${view.name}`);
  else makeElsewhere(draft, { title: `make view ${view.name}`, undo: `DROP VIEW IF EXISTS ${qualified(view)}` });
  return true;
}

function makeElsewhere(draft: PlanDraft, { title, undo }: { readonly title: string; readonly undo: string }): void {
  draft.act({
    // The next statement may be about it.
    stage: "shape",
    phase: "expand",
    title,
    run: {
      kind: "transaction",
      sql: ["SET LOCAL check_function_bodies = off", draft.statement.text],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [undo],
  });
}

function waitForContract(draft: PlanDraft, title: string): void {
  draft.act({
    stage: "flatten",
    phase: "contract",
    title,
    run: { kind: "transaction", sql: [draft.statement.text] },
    table: null,
    lock: null,
    work: "instant",
  });
}
