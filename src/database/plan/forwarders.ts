import { child, flag, openedList, text } from "../ast.ts";
import type { Routine } from "../catalog.ts";
import type { Node, SqlLanguage } from "../language.ts";
import { literal, qualified } from "../names.ts";
import type { PlanDraft } from "./draft.ts";
import { takesCallsOf } from "./overloads.ts";
import { callForm, createSql, signed, wantedRoutine, what, type WantedRoutine } from "./routine-text.ts";

/**
 * An old routine of other arguments stands in the base until the contract, and may take calls that are meant for the new one. This one in the overlay
 * has its arguments, so that it is found before it (https://www.postgresql.org/docs/18/typeconv-func.html), and calls the new one.
 */
export interface Forwarder {
  readonly create: string;
  readonly drop: string;
}

/** Whether calls of the new release can reach the old one. */
export function reachesOld({ language }: PlanDraft, routine: WantedRoutine, old: Routine): boolean {
  const node = nodeOf(language, old);
  return node !== null && takesCallsOf(callForm(language, routine.node), callForm(language, node));
}

/** Null: none is needed, or none can be written. */
export function forwarderOf(draft: PlanDraft, routine: WantedRoutine, old: Routine): Forwarder | null {
  const { language, overlay } = draft;
  const node = nodeOf(language, old);
  if (node === null || !reachesOld(draft, routine, old)) return null;
  const [given, taken] = [inputs(routine.node), inputs(node)];
  if (taken.length > given.length || ![...given, ...taken].every((one) => isPlain(language, one))) return null;
  const values = taken.map((_, place) => `$${String(place + 1)}::${typeOf(language, given[place])}`).join(", ");
  const call = `${qualified({ schema: overlay, name: routine.name })}(${values})`;
  const forwarder = wantedRoutine(language, calling(language, { node: routine.node, taken, call }));
  return {
    create: createSql(draft, forwarder, overlay),
    drop: `DROP ${what(routine.node)} IF EXISTS ${signed(overlay, forwarder)}`,
  };
}

function nodeOf(language: SqlLanguage, { definition }: Routine): Node | null {
  return definition === null ? null : (language.parse(definition)[0]?.node ?? null);
}

const isColumn = (parameter: Node): boolean => text(parameter, "mode") === "FUNC_PARAM_TABLE";
const parametersOf = (node: Node): readonly Node[] => openedList(node, "parameters").map(({ node: parameter }) => parameter);
const inputs = (node: Node): readonly Node[] => parametersOf(node).filter((parameter) => !isColumn(parameter));

const typeOf = (language: SqlLanguage, parameter: Node | undefined): string =>
  language.deparse({ TypeName: child(parameter ?? {}, "argType") ?? {} });

/** It goes in, and its type says what it is. */
function isPlain(language: SqlLanguage, parameter: Node): boolean {
  const mode = text(parameter, "mode");
  return (mode === "FUNC_PARAM_DEFAULT" || mode === "FUNC_PARAM_IN") && !/^(pg_catalog\.)?any/.test(typeOf(language, parameter));
}

/** The new one with as many of its parameters as the old one has, and of that one's types; all it does is the call. */
function calling(
  language: SqlLanguage,
  { node, taken, call }: { readonly node: Node; readonly taken: readonly Node[]; readonly call: string },
): Node {
  const own = inputs(node)
    .slice(0, taken.length)
    .map((parameter, place) => ({ ...parameter, argType: child(taken[place] ?? {}, "argType") }));
  const parameters = [...own, ...parametersOf(node).filter(isColumn)].map((FunctionParameter) => ({ FunctionParameter }));
  const isProcedure = node["is_procedure"] === true;
  const many = flag(child(node, "returnType") ?? {}, "setof");
  const body = isProcedure ? `BEGIN CALL ${call}; END` : many ? `SELECT * FROM ${call}` : `SELECT ${call}`;
  const [template] = language.parse(
    `CREATE FUNCTION f() RETURNS void LANGUAGE ${isProcedure ? "plpgsql" : "sql"} AS ${literal(body)}`,
  );
  const { sql_body: _, ...head } = node;
  return { ...head, parameters, options: template?.node["options"] };
}
