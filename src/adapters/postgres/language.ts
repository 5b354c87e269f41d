import { hasSqlDetails, loadModule, parseSync } from "libpg-query";
import { type Node, type ParsedStatement, type SqlLanguage, SqlSyntaxError } from "../../database/language.ts";
import { deparse } from "./sql-writer.ts";

/** PostgreSQL 18's own parser, compiled to WebAssembly, and the writer that belongs to it. Loading takes some 50 ms. */
export async function loadSqlLanguage(): Promise<SqlLanguage> {
  await loadModule();
  return { parse, deparse };
}

interface RawStatement {
  readonly stmt?: Node;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

function parse(sql: string): readonly ParsedStatement[] {
  if (sql.trim() === "") return [];
  const bytes = Buffer.from(sql, "utf8");
  let counted = { bytes: 0, characters: 0 };
  const statements = (parseTree(sql).stmts ?? []) as readonly RawStatement[];
  return statements.flatMap(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    const [entry] = Object.entries(stmt ?? {});
    if (entry === undefined) return [];
    const end = length === undefined ? bytes.length : from + length;
    // The parser counts bytes; a first statement's length begins at 0, before its own comments.
    const whole = bytes.toString("utf8", from, end);
    const text = whole.replace(LEADING, "");
    // From the statement before on: a file may have very many.
    counted = { bytes: from, characters: counted.characters + bytes.toString("utf8", counted.bytes, from).length };
    const offset = counted.characters + whole.length - text.length;
    return [{ kind: entry[0], node: entry[1] as Node, text: text.trimEnd(), offset }];
  });
}

/** Blanks and comments before a statement. */
const LEADING = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

function parseTree(sql: string): { readonly stmts?: readonly unknown[] } {
  try {
    return parseSync(sql);
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    // The position of an error, unlike those in the tree, counts characters (of any plane).
    const at = Math.max(0, error.sqlDetails?.cursorPosition ?? 0);
    throw new SqlSyntaxError(error.message, Array.from(sql).slice(0, at).join("").length);
  }
}
