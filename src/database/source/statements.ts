import { type ParsedStatement, type SqlLanguage, SqlSyntaxError } from "../language.ts";
import { readAnnotations, type Annotation, type Sync } from "./annotations.ts";
import type { Migration } from "./migrations.ts";
import { positionAt, type Position, type SourceProblem } from "./position.ts";

/** One statement of a migration, with what was said about it. */
export interface SourceStatement extends ParsedStatement {
  readonly position: Position;
  /** `phase=` and `accept` of the comments right before it. */
  readonly said: readonly Annotation[];
}

export interface SourceText {
  readonly statements: readonly SourceStatement[];
  /** `up` and `down` of the whole file. */
  readonly syncs: readonly Sync[];
  readonly problems: readonly SourceProblem[];
}

/** Transaction control in a migration says nothing here: each action is a transaction of its own. */
const ASIDE = new Set(["TransactionStmt"]);

export function readStatements(language: SqlLanguage, { path, sql }: Pick<Migration, "path" | "sql">): SourceText {
  const { annotations, problems } = readAnnotations(path, sql);
  const syncs = annotations.filter((annotation) => "expression" in annotation);
  const told = annotations.filter((annotation) => annotation.kind === "phase" || annotation.kind === "accept");
  try {
    let after = 0;
    const statements = language.parse(sql).map((statement) => {
      const said = told.filter(({ offset }) => offset >= after && offset < statement.offset);
      after = statement.offset;
      return { ...statement, position: positionAt(path, sql, statement.offset), said };
    });
    return { statements: statements.filter(({ kind }) => !ASIDE.has(kind)), syncs, problems };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const problem = { position: positionAt(path, sql, error.offset), text: error.message };
    return { statements: [], syncs, problems: [...problems, problem] };
  }
}
