import { child, children, found, optionNamed, text, words } from "../ast.ts";
import type { Routine } from "../catalog.ts";
import type { Node } from "../language.ts";
import { oneLine } from "./alter.ts";
import { boundChanges, type RoutineChange, type RoutineChanges } from "./bound-routines.ts";
import type { PlanDraft } from "./draft.ts";
import { forwarderOf, reachesOld } from "./forwarders.ts";
import { createInBase, dropFirst } from "./routine-actions.ts";
import { isBound, needsOverlay, pinnedPath, sameArguments, sameRoutine, type WantedRoutine } from "./routine-text.ts";

/** What one release wants: the routines of its directory, or those that its migrations create. */
export interface RoutineSet {
  readonly wanted: readonly WantedRoutine[];
  /** The directory says which routines of a name there are: others of that name go with the contract. */
  readonly complete: boolean;
}

/**
 * #70–#77. A routine that nobody knows yet is made in the base. One that changes is made in the release's overlay, under the same name: the
 * running release goes on with its own. The contract makes the base's what the release's is.
 */
export function planRoutines(draft: PlanDraft, sets: readonly RoutineSet[], views: ReadonlySet<string>): RoutineChanges {
  const changes = sets.flatMap((set) => changesOf(draft, set));
  for (const change of changes) {
    for (const other of change.others) noticeOverload(draft, change.routine, other);
    review(draft, change.routine);
  }
  const isNew = ({ routine }: RoutineChange): boolean => !needsOverlay(routine.node) && basesOf(draft, routine).length === 0;
  for (const { routine } of changes.filter(isNew)) createInBase(draft, routine);
  const stays = sets.flatMap(({ wanted }) => wanted).filter(({ stands }) => stands === true);
  const own = changes.filter((change) => !isNew(change));
  const placed = boundChanges(draft, own, { stays, views });
  dropFirst(draft, placed);
  return placed;
}

/** Those that are not what the base has. */
function changesOf(draft: PlanDraft, { wanted, complete }: RoutineSet): readonly RoutineChange[] {
  return wanted
    .filter(({ stands }) => stands !== true)
    .flatMap((routine) => {
      const known = basesOf(draft, routine);
      const same = known.find((one) => sameArguments(one, routine)) ?? null;
      if (same !== null && same.definition !== null && sameRoutine(draft.language, same.definition, routine.node)) return [];
      const isWanted = (one: Routine): boolean => wanted.some((other) => other.name === one.name && sameArguments(one, other));
      return [{ routine, same, others: complete ? known.filter((one) => one !== same && !isWanted(one)) : [] }];
    });
}

const basesOf = ({ catalog, schema }: PlanDraft, { name }: WantedRoutine): readonly Routine[] =>
  catalog.routines.filter((one) => one.schema === schema && one.name === name);

/** The old one stands in the base until the contract, where the new release's calls may find it, too. */
function noticeOverload(draft: PlanDraft, routine: WantedRoutine, old: Routine): void {
  if (!reachesOld(draft, routine, old) || forwarderOf(draft, routine, old) !== null) return;
  draft.notice(
    "old-overload-fits",
    `calls of release r${String(draft.release)} that are meant for ${called(routine)} may reach the old ${called(old)} until the contract: PostgreSQL takes what fits the arguments best; cast them in the calls, or give the new one another name`,
  );
}

const called = ({ name, arguments: list }: Pick<Routine, "name" | "arguments">): string =>
  `${name}(${list.split(",").join(", ")})`;

/** CREATE FUNCTION in a migration: what nobody knows is made where it stands, because the next statement may need it. True: done. */
export function createNew(draft: PlanDraft, routine: WantedRoutine): boolean {
  const known = draft.catalog.routines.some(({ schema, name }) => schema === draft.schema && name === routine.name);
  if (known || needsOverlay(routine.node)) return false;
  createInBase(draft, routine, "shape");
  review(draft, routine);
  return true;
}

/** What a reader of the plan should know about a body. */
function review(draft: PlanDraft, { name, node }: WantedRoutine): void {
  const body = found(node, "List")
    .flatMap((list) => words(children(list, "items")))
    .join("\n");
  const secure = found(optionNamed(node, "options", "security"), "Boolean").some(({ boolval }) => boolval === true);
  if (/\bSELECT\s+(\w+\.)?\*/i.test(body))
    draft.notice("select-star", `${name}() reads \`SELECT *\`: a column that is added changes what it gives`);
  if (/\bINSERT\s+INTO\s+[\w."]+\s+(VALUES|SELECT)\b/i.test(body))
    draft.notice("insert-without-columns", `${name}() inserts without naming columns`);
  if (/\bEXECUTE\b(?!\s+(FUNCTION|PROCEDURE))/i.test(body))
    draft.notice("dynamic-sql", `${name}() runs SQL that it puts together: nothing can be said about it`);
  if (secure && pinnedPath(node) === null)
    draft.notice(
      "unpinned-definer",
      `${name}() is SECURITY DEFINER without SET search_path: its caller decides what its names mean`,
    );
  if (
    /^trigger$/i.test(oneLine(draft.language.deparse({ TypeName: child(node, "returnType") ?? { names: [] } }))) &&
    draft.catalog.tables.some(({ triggers }) => triggers.some(({ definition }) => definition.includes(`${name}()`)))
  ) {
    draft.notice(
      "trigger-function-waits",
      `${name}() is called by a trigger of all releases: its new body counts from the contract on`,
    );
  }
}

/** #75: no caller in PL/pgSQL is known to PostgreSQL, so it waits until no old release is left. */
export function dropRoutines(draft: PlanDraft, node: Node): void {
  const kind = text(node, "removeType") === "OBJECT_PROCEDURE" ? "PROCEDURE" : "FUNCTION";
  for (const object of children(node, "objects")) {
    const name = words(children(child(object, "ObjectWithArgs") ?? {}, "objname")).at(-1) ?? "";
    draft.droppedRoutines.add(name);
    // What it is bound to may go with it.
    const bound = draft.catalog.routines.some((one) => one.name === name && isBound(draft.language, one));
    const sql = draft.language.deparse({ DropStmt: { ...node, objects: [object], missing_ok: true, behavior: "DROP_RESTRICT" } });
    draft.act({
      stage: bound ? "unview" : "flatten",
      phase: draft.phase("contract"),
      title: `drop a ${kind.toLowerCase()}`,
      run: { kind: "transaction", sql: [sql] },
      table: null,
      lock: null,
      work: "instant",
    });
  }
}
