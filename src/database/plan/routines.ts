import { child, children, found, openedList, optionNamed, text, words } from "../ast.ts";
import type { Routine } from "../catalog.ts";
import type { Node, SqlLanguage } from "../language.ts";
import { ident, keptName, qualified } from "../names.ts";
import { oneLine } from "./alter.ts";
import { carryOverRoutine } from "./carry-over.ts";
import type { PlanDraft, SwapDraft } from "./draft.ts";
import { takesCallsOf, type CallForm } from "./overloads.ts";
import { typeName } from "./types.ts";

/** A routine as a source says it should be. */
export interface WantedRoutine {
  readonly name: string;
  /** Types of its input arguments, in one spelling. */
  readonly arguments: string;
  readonly node: Node;
  /** An earlier release has brought it as it is, and it stands. */
  readonly stands?: boolean | undefined;
}

/** Modes of parameters by which a routine is told apart from others of its name. */
const INPUT = new Set(["FUNC_PARAM_DEFAULT", "FUNC_PARAM_IN", "FUNC_PARAM_INOUT", "FUNC_PARAM_VARIADIC"]);

export function wantedRoutine(language: SqlLanguage, node: Node): WantedRoutine {
  return { name: words(children(node, "funcname")).at(-1) ?? "", arguments: signature(language, node), node };
}

const signature = (language: SqlLanguage, node: Node): string => callForm(language, node).types.join(",");

function canonical(type: string): string {
  const { base, array } = typeName(type);
  return `${base}${array ? "[]" : ""}`;
}

const sameArguments = (routine: Routine, wanted: WantedRoutine): boolean =>
  routine.arguments.split(",").filter(Boolean).map(canonical).join(",") === wanted.arguments;

/** Two texts of a routine are the same if their trees are, but for places, names' schemas and `OR REPLACE`. */
function sameRoutine(language: SqlLanguage, definition: string, wanted: Node): boolean {
  const [statement] = language.parse(definition);
  return statement !== undefined && JSON.stringify(essence(statement.node)) === JSON.stringify(essence(wanted));
}

function essence(node: Node): unknown {
  const named = { ...node, funcname: words(children(node, "funcname")).at(-1) };
  const options = openedList(node, "options")
    .map(({ node: option }) => stripped(option))
    .map((option) => JSON.stringify(option))
    .filter(
      (option) =>
        !/"defname":"(volatility","arg":{"String":{"sval":"volatile"|strict","arg":{"Boolean":{}|security","arg":{"Boolean":{})/.test(
          option,
        ),
    )
    .sort();
  return stripped({ ...named, replace: null, options: null, sorted: options });
}

function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "location" && key !== "replace");
  return Object.fromEntries(
    kept.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, field]) => [key, normal(key, stripped(field))]),
  );
}

/** `FUNC_PARAM_IN` and a parameter without a mode are the same; `pg_catalog.` before a type says nothing. */
function normal(key: string, value: unknown): unknown {
  if (key === "mode" && value === "FUNC_PARAM_IN") return "FUNC_PARAM_DEFAULT";
  if (key === "names" && Array.isArray(value))
    return words(value as Node[]).filter((word) => word !== "pg_catalog" && word !== "public");
  return value;
}

/** A pinned search_path, which has to name this release's overlay too; null without one. */
function pinnedPath(node: Node): readonly string[] | null {
  const set = openedList(node, "options").find(
    ({ node: option }) =>
      text(option, "defname") === "set" && found(option, "VariableSetStmt").some((item) => text(item, "name") === "search_path"),
  );
  if (set === undefined) return null;
  return found(set.node, "A_Const").map((constant) => text(child(constant, "sval") ?? {}, "sval"));
}

function isAtomic(node: Node): boolean {
  return "sql_body" in node;
}

/** What one release wants: the routines of its directory, or those that its migrations create. */
export interface RoutineSet {
  readonly wanted: readonly WantedRoutine[];
  /** The directory says which routines of a name there are: others of that name go with the contract. */
  readonly complete: boolean;
}

/**
 * #70–#77. A routine that nobody knows yet is made in the base. One that changes is made in the release's overlay, under the same name: the
 * running release goes on with its own. The contract makes the base's what the release's is. Gives those that are not what the base has.
 */
export function planRoutines(draft: PlanDraft, { wanted, complete }: RoutineSet): readonly WantedRoutine[] {
  const changed = wanted.filter(({ stands }) => stands === true);
  for (const routine of wanted.filter(({ stands }) => stands !== true)) {
    const known = draft.catalog.routines.filter(({ schema, name }) => schema === draft.schema && name === routine.name);
    const same = known.find((one) => sameArguments(one, routine));
    if (same?.definition !== undefined && same.definition !== null && sameRoutine(draft.language, same.definition, routine.node))
      continue;
    changed.push(routine);
    const others = complete
      ? known.filter((one) => one !== same && !wanted.some((other) => other.name === one.name && sameArguments(one, other)))
      : [];
    if (known.length === 0 && !needsOverlay(routine.node)) createInBase(draft, routine);
    else overlayRoutine(draft, routine, { same: same ?? null, others });
    for (const other of others) noticeOverload(draft, routine, other);
    review(draft, routine);
  }
  return changed;
}

/** The old one stands in the base until the contract, where the new release's calls may find it, too. */
function noticeOverload(draft: PlanDraft, routine: WantedRoutine, old: Routine): void {
  const node = draft.language.parse(old.definition ?? "")[0]?.node;
  if (node === undefined || !takesCallsOf(callForm(draft.language, routine.node), callForm(draft.language, node))) return;
  draft.notice(
    "old-overload-fits",
    `calls of release r${String(draft.release)} that are meant for ${called(routine)} may reach the old ${called(old)} until the contract: PostgreSQL takes what fits the arguments best; cast them in the calls, or give the new one another name`,
  );
}

const called = ({ name, arguments: list }: Pick<Routine, "name" | "arguments">): string =>
  `${name}(${list.split(",").join(", ")})`;

function callForm(language: SqlLanguage, node: Node): CallForm {
  const inputs = openedList(node, "parameters").filter(({ node: parameter }) => INPUT.has(text(parameter, "mode")));
  const types = inputs.map(({ node: parameter }) => canonical(language.deparse({ TypeName: child(parameter, "argType") ?? {} })));
  return { types, needed: inputs.filter(({ node: parameter }) => !("defexpr" in parameter)).length };
}

/** CREATE FUNCTION in a migration: what nobody knows is made where it stands, because the next statement may need it. True: done. */
export function createNew(draft: PlanDraft, routine: WantedRoutine): boolean {
  const known = draft.catalog.routines.some(({ schema, name }) => schema === draft.schema && name === routine.name);
  if (known || needsOverlay(routine.node)) return false;
  createInBase(draft, routine, "shape");
  review(draft, routine);
  return true;
}

function needsOverlay(node: Node): boolean {
  return isAtomic(node) || pinnedPath(node) !== null;
}

const what = (node: Node): "PROCEDURE" | "FUNCTION" => (node["is_procedure"] === true ? "PROCEDURE" : "FUNCTION");

function createSql(draft: PlanDraft, { node, name }: WantedRoutine, schema: string): string {
  const placed = { ...node, replace: true, funcname: [schema, name].map((sval) => ({ String: { sval } })) };
  return draft.language.deparse({ CreateFunctionStmt: placed });
}

/** Where its search_path is its own, that begins with the overlay. */
function createOwnSql(draft: PlanDraft, routine: WantedRoutine): string {
  const sql = createSql(draft, routine, draft.overlay);
  if (pinnedPath(routine.node) === null) return sql;
  return sql.replace(/SET search_path (?:TO|=) /, `SET search_path TO ${ident(draft.overlay)}, `);
}

/** Names in bodies are looked up as the release will look them up. */
const asRelease = (draft: PlanDraft): string => `SET LOCAL search_path = ${ident(draft.overlay)}, ${ident(draft.schema)}`;
export const signed = (schema: string, { name, arguments: list }: { name: string; arguments: string }): string =>
  `${qualified({ schema, name })}(${list.split(",").join(", ")})`;

function createInBase(draft: PlanDraft, routine: WantedRoutine, stage: "shape" | "sync" = "sync"): void {
  draft.placed.set(routine.name, "base");
  draft.act({
    stage,
    phase: "expand",
    title: `make ${routine.name}()`,
    run: {
      kind: "transaction",
      // Its body may speak of what is there only when the release is.
      sql: ["SET LOCAL check_function_bodies = off", asRelease(draft), createSql(draft, routine, draft.schema)],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP ${what(routine.node)} IF EXISTS ${signed(draft.schema, routine)}`],
  });
}

function overlayRoutine(
  draft: PlanDraft,
  routine: WantedRoutine,
  { same, others }: { same: Routine | null; others: readonly Routine[] },
): void {
  const own = signed(draft.overlay, routine);
  draft.placed.set(routine.name, "overlay");
  const before = same ?? others[0] ?? null;
  const carried = before === null ? [] : [carryOverRoutine(signed(before.schema, before), own)];
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `give release r${String(draft.release)} its own ${routine.name}()`,
    run: { kind: "transaction", sql: [asRelease(draft), createOwnSql(draft, routine), ...carried] },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP ${what(routine.node)} IF EXISTS ${own}`],
  });
  const stays = same !== null && replaceable(draft, same, routine);
  const gone = [...(same !== null && !stays ? [same] : []), ...others];
  const dropped = gone.map(
    (one) => `DROP ${one.kind === "procedure" ? "PROCEDURE" : "FUNCTION"} IF EXISTS ${signed(one.schema, one)}`,
  );
  draft.act({
    stage: "flatten",
    phase: "contract",
    title: `make ${routine.name}() what release r${String(draft.release)} calls`,
    run: {
      kind: "transaction",
      sql: stays
        ? [...dropped, createSql(draft, routine, draft.schema), `DROP ${what(routine.node)} IF EXISTS ${own}`]
        : // It moves as it is, with all that it carries, and only its body is read anew.
          [
            ...carried,
            ...dropped,
            createSql(draft, routine, draft.overlay),
            `ALTER ROUTINE ${own} SET SCHEMA ${ident(draft.schema)}`,
          ],
    },
    table: null,
    lock: null,
    work: "instant",
    swap: swapRoutine(draft, routine, { same, gone }),
  });
}

/** The base gets the release's; what it replaces stays, as text or under another name. */
function swapRoutine(
  draft: PlanDraft,
  routine: WantedRoutine,
  { same, gone }: { readonly same: Routine | null; readonly gone: readonly Routine[] },
): SwapDraft {
  const text = same === null || gone.includes(same) || isBound(draft, same) ? null : same.definition;
  const moved = text === null && same !== null && !gone.includes(same) ? [same, ...gone] : gone;
  const renames = moved.map((one) => {
    const kind = one.kind === "procedure" ? "PROCEDURE" : "FUNCTION";
    const kept = { ...one, name: keptName(draft.release, one.name) };
    return {
      there: `ALTER ${kind} ${signed(one.schema, one)} RENAME TO ${ident(kept.name)}`,
      back: `ALTER ${kind} ${signed(kept.schema, kept)} RENAME TO ${ident(one.name)}`,
    };
  });
  const [first] = moved;
  const kept = first === undefined ? null : signed(first.schema, { ...first, name: keptName(draft.release, first.name) });
  const made = signed(draft.schema, routine);
  const carried = (from: string | null, to: string | null): readonly string[] =>
    text !== null || from === null || to === null ? [] : [carryOverRoutine(from, to)];
  return {
    sql: [...renames.map(({ there }) => there), createSql(draft, routine, draft.schema), ...carried(kept, made)],
    undo: [
      ...carried(made, kept),
      ...(text === null
        ? [`DROP ${what(routine.node)} IF EXISTS ${made}`]
        : // The tables that its body speaks of get their names back after it.
          ["SET LOCAL check_function_bodies = off", text]),
      ...renames.map(({ back }) => back),
    ],
  };
}

/** Its body is no text that could be written again. */
function isBound(draft: PlanDraft, { definition }: Routine): boolean {
  const [statement] = draft.language.parse(definition ?? "");
  return statement === undefined || isAtomic(statement.node);
}

/** CREATE OR REPLACE refuses another result type, and other names of arguments. */
function replaceable(draft: PlanDraft, routine: Routine, wanted: WantedRoutine): boolean {
  const [statement] = draft.language.parse(routine.definition ?? "");
  if (statement === undefined) return false;
  const face = (node: Node): string =>
    JSON.stringify(
      stripped({
        returns: node["returnType"],
        parameters: openedList(node, "parameters").map(({ node: one }) => ({ ...one, defexpr: null })),
      }),
    );
  return face(statement.node) === face(wanted.node);
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

/** Routines of the base whose own search_path, or whose bound body, hides the release's overlay from them: they get a copy that sees it. */
export function copyPinned(draft: PlanDraft, wanted: readonly WantedRoutine[]): void {
  const changed = draft.tables
    .filter(({ seenDifferently }) => seenDifferently)
    .map(({ physical, name }) => [physical.name, name.name])
    .flat();
  if (changed.length === 0) return;
  const mentions = new RegExp(`\\b(${changed.map((name) => name.replace(/[^\w]/g, ".")).join("|")})\\b`);
  for (const routine of draft.catalog.routines) {
    if (routine.definition === null || routine.schema !== draft.schema || wanted.some(({ name }) => name === routine.name))
      continue;
    const [statement] = draft.language.parse(routine.definition);
    if (statement === undefined || !needsOverlay(statement.node) || !mentions.test(routine.definition)) continue;
    const copy = wantedRoutine(draft.language, statement.node);
    const kind = what(statement.node);
    draft.act({
      stage: "overlay",
      phase: "expand",
      title: `let ${routine.name}() see what release r${String(draft.release)} sees`,
      run: {
        kind: "transaction",
        sql: [
          asRelease(draft),
          createOwnSql(draft, copy),
          carryOverRoutine(signed(routine.schema, routine), signed(draft.overlay, copy)),
        ],
      },
      table: null,
      lock: null,
      work: "instant",
      undo: [`DROP ${kind} IF EXISTS ${signed(draft.overlay, copy)}`],
    });
    draft.act({
      stage: "flatten",
      phase: "contract",
      title: `let ${routine.name}() be the base's again`,
      run: { kind: "transaction", sql: [`DROP ${kind} IF EXISTS ${signed(draft.overlay, copy)}`] },
      table: null,
      lock: null,
      work: "instant",
    });
  }
}

/** #75: no caller in PL/pgSQL is known to PostgreSQL, so it waits until no old release is left. */
export function dropRoutines(draft: PlanDraft, node: Node): void {
  const kind = text(node, "removeType") === "OBJECT_PROCEDURE" ? "PROCEDURE" : "FUNCTION";
  for (const object of children(node, "objects")) {
    const sql = draft.language.deparse({ DropStmt: { ...node, objects: [object], missing_ok: true, behavior: "DROP_RESTRICT" } });
    draft.act({
      stage: "flatten",
      phase: draft.phase("contract"),
      title: `drop a ${kind.toLowerCase()}`,
      run: { kind: "transaction", sql: [sql] },
      table: null,
      lock: null,
      work: "instant",
    });
  }
}
