import { child, children, found, openedList, text, words } from "../ast.ts";
import type { Routine } from "../catalog.ts";
import type { Node, SqlLanguage } from "../language.ts";
import { ident, qualified } from "../names.ts";
import type { PlanDraft } from "./draft.ts";
import type { CallForm } from "./overloads.ts";
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

export const sameArguments = (routine: Routine, wanted: WantedRoutine): boolean =>
  routine.arguments.split(",").filter(Boolean).map(canonical).join(",") === wanted.arguments;

/** Two texts of a routine are the same if their trees are, but for places, names' schemas and `OR REPLACE`. */
export function sameRoutine(language: SqlLanguage, definition: string, wanted: Node): boolean {
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
export function pinnedPath(node: Node): readonly string[] | null {
  const set = openedList(node, "options").find(
    ({ node: option }) =>
      text(option, "defname") === "set" && found(option, "VariableSetStmt").some((item) => text(item, "name") === "search_path"),
  );
  if (set === undefined) return null;
  return found(set.node, "A_Const").map((constant) => text(child(constant, "sval") ?? {}, "sval"));
}

export function isAtomic(node: Node): boolean {
  return "sql_body" in node;
}

export function callForm(language: SqlLanguage, node: Node): CallForm {
  const inputs = openedList(node, "parameters").filter(({ node: parameter }) => INPUT.has(text(parameter, "mode")));
  const types = inputs.map(({ node: parameter }) => canonical(language.deparse({ TypeName: child(parameter, "argType") ?? {} })));
  return { types, needed: inputs.filter(({ node: parameter }) => !("defexpr" in parameter)).length };
}

export function needsOverlay(node: Node): boolean {
  return isAtomic(node) || pinnedPath(node) !== null;
}

export const what = (node: Node): "PROCEDURE" | "FUNCTION" => (node["is_procedure"] === true ? "PROCEDURE" : "FUNCTION");

export function routineSql(language: SqlLanguage, { node }: WantedRoutine): string {
  return language.deparse({ CreateFunctionStmt: node });
}

export function createSql(draft: PlanDraft, { node, name }: WantedRoutine, schema: string): string {
  const placed = { ...node, replace: true, funcname: [schema, name].map((sval) => ({ String: { sval } })) };
  return draft.language.deparse({ CreateFunctionStmt: placed });
}

/** Where its search_path is its own, that begins with the overlay. */
export function createOwnSql(draft: PlanDraft, routine: WantedRoutine): string {
  const sql = createSql(draft, routine, draft.overlay);
  if (pinnedPath(routine.node) === null) return sql;
  return sql.replace(/SET search_path (?:TO|=) /, `SET search_path TO ${ident(draft.overlay)}, `);
}

export const signed = (schema: string, { name, arguments: list }: { name: string; arguments: string }): string =>
  `${qualified({ schema, name })}(${list.split(",").join(", ")})`;

/** Its body is no text that could be written again, and holds on to what it speaks of. */
export function isBound(language: SqlLanguage, { definition }: Routine): boolean {
  // To parse thousands of routines takes seconds.
  if (definition === null || !/\bLANGUAGE sql\b/i.test(definition)) return false;
  const [statement] = language.parse(definition);
  return statement === undefined || isAtomic(statement.node);
}

/** CREATE OR REPLACE refuses another result type, and other names of arguments. */
export function replaceable(draft: PlanDraft, routine: Routine, wanted: WantedRoutine): boolean {
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
