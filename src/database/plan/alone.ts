import { child, flag, text } from "../ast.ts";
import type { ParsedStatement } from "../language.ts";
import { rangeName } from "../names.ts";
import type { AloneRun } from "./action.ts";
import { concurrently } from "./alter.ts";

/** Somebody's statement outside of a transaction. An index that a try before has left unfinished is cleared first, where it can be told by its name. */
export function aloneRun({ kind, node, text: sql }: ParsedStatement, schema: string): AloneRun {
  const name = kind === "IndexStmt" && flag(node, "concurrent") ? text(node, "idxname") : "";
  if (name === "") return { kind: "alone", sql, done: "SELECT false AS done" };
  return concurrently({ schema: rangeName(child(node, "relation"), schema).schema, name, sql });
}
