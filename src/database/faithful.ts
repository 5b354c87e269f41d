import type { ParsedStatement, SqlLanguage } from "./language.ts";

/** Kinds of statements that a plan writes anew, in another place or in parts. */
const WRITTEN = new Set(["AlterTableStmt", "CreateFunctionStmt", "CreateStmt", "CreateTrigStmt", "IndexStmt", "ViewStmt"]);

/** Whether the statement can be written anew and says the same then. One that cannot must not be planned: what gets lost is seen by nobody. */
export function canBeWritten(language: SqlLanguage, statement: Pick<ParsedStatement, "kind" | "node">): boolean {
  return !WRITTEN.has(statement.kind) || isWrittenAlike(language, statement);
}

export function isWrittenAlike(language: SqlLanguage, { kind, node }: Pick<ParsedStatement, "kind" | "node">): boolean {
  try {
    const read = language.parse(language.deparse({ [kind]: node }));
    return JSON.stringify(meaning(read.map((one) => ({ [one.kind]: one.node })))) === JSON.stringify(meaning([{ [kind]: node }]));
  } catch {
    // Neither what the writer does not know nor what cannot be read again is the statement.
    return false;
  }
}

/** A tree without the places where its nodes stood. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !/(^|_)location$|list_(start|end)$/.test(key));
  return Object.fromEntries(kept.map(([key, field]) => [key, meaning(field)]));
}
