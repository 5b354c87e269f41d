import { SqlSyntaxError, type SqlLanguage } from "../language.ts";
import type { SourceFile } from "../source/migrations.ts";
import { positionAt, type Position, type SourceProblem } from "../source/position.ts";

/** A statement that an application sends, with `$1` where values are. */
export interface ClientStatement {
  readonly sql: string;
  /** Null: PostgreSQL has counted it (pg_stat_statements). */
  readonly position: Position | null;
}

/** What can be prepared, and CALL, which can be tried. */
const JUDGED = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt"]);

/** The statements of files, in their order; what only steers a session (BEGIN, SET …) is left out. */
export function readStatementFiles(
  language: SqlLanguage,
  files: readonly SourceFile[],
): { readonly statements: readonly ClientStatement[]; readonly problems: readonly SourceProblem[] } {
  const read = files.filter(({ path }) => path.endsWith(".sql")).map((file) => readFile(language, file));
  return { statements: read.flatMap(({ statements }) => statements), problems: read.flatMap(({ problems }) => problems) };
}

function readFile(language: SqlLanguage, { path, text }: SourceFile): ReturnType<typeof readStatementFiles> {
  try {
    const statements = language.parse(text).filter(({ kind }) => JUDGED.has(kind));
    return {
      statements: statements.map(({ text: sql, offset }) => ({ sql, position: positionAt(path, text, offset) })),
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return { statements: [], problems: [{ position: positionAt(path, text, error.offset), text: error.message }] };
  }
}

/** What pg_stat_statements has counted, without what it holds of PostgreSQL's catalogs, of Hitless, and of what cannot be prepared. */
export function countedStatements(language: SqlLanguage, texts: readonly string[]): readonly ClientStatement[] {
  const ours = /\b(pg_catalog|information_schema|pg_class|pg_stat_\w+|pg_namespace|hitless)\b/;
  const judged = (sql: string): boolean => {
    try {
      const [statement, ...more] = language.parse(sql);
      return statement !== undefined && more.length === 0 && JUDGED.has(statement.kind);
    } catch (error) {
      // Cut off, or of a later PostgreSQL.
      if (error instanceof SqlSyntaxError) return false;
      throw error;
    }
  };
  return texts.filter((sql) => !ours.test(sql) && judged(sql)).map((sql) => ({ sql, position: null }));
}
