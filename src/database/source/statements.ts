import { type ParsedStatement, type SqlLanguage, SqlSyntaxError } from "../language.ts";
import { child, children, text } from "../ast.ts";
import { readAnnotations, type Annotation, type Sync } from "./annotations.ts";
import type { Migration } from "./migrations.ts";
import { positionAt, positionsIn, type Position, type SourceProblem } from "./position.ts";

/** One statement of a migration, with what was said about it. */
export interface SourceStatement extends ParsedStatement {
  readonly position: Position;
  /** `phase=` and `accept` of the comments right before it. */
  readonly said: readonly Annotation[];
  /** `up` and `down` right before it, of columns that it changes in a way that asks for them. */
  readonly own: readonly Sync[];
}

export interface SourceText {
  readonly statements: readonly SourceStatement[];
  /** The other `up` and `down` of the file: for whichever statement asks for them. */
  readonly syncs: readonly Sync[];
  readonly problems: readonly SourceProblem[];
}

/** Changes of a column for which its value on the other side may have to be said. */
const ASKING: Readonly<Record<Sync["kind"], readonly string[]>> = {
  up: ["AT_AddColumn", "AT_AlterColumnType", "AT_SetNotNull"],
  down: ["AT_DropColumn", "AT_AlterColumnType", "AT_DropNotNull"],
};

/** Two statements may change one column: what stands right before one of them is not for the other. */
function asksFor({ node }: ParsedStatement, { kind, column }: Sync): boolean {
  return children(node, "cmds")
    .map((item) => child(item, "AlterTableCmd") ?? {})
    .filter((command) => ASKING[kind].includes(text(command, "subtype")))
    .some((command) => {
      const added = child(child(command, "def") ?? {}, "ColumnDef") ?? {};
      return text(command, "name") === column || text(added, "colname") === column;
    });
}

/** Transaction control in a migration says nothing here: each action is a transaction of its own. */
const ASIDE = new Set(["TransactionStmt"]);

export function readStatements(language: SqlLanguage, { path, sql }: Pick<Migration, "path" | "sql">): SourceText {
  const { annotations, problems } = readAnnotations(path, sql);
  const syncs = annotations.filter((annotation) => "expression" in annotation);
  const told = annotations.filter((annotation) => annotation.kind === "phase" || annotation.kind === "accept");
  try {
    let after = 0;
    const positionOf = positionsIn(path, sql);
    const statements = language.parse(sql).map((statement) => {
      const before = ({ offset }: Annotation): boolean => offset >= after && offset < statement.offset;
      const position = positionOf(statement.offset);
      const own = syncs.filter((sync) => before(sync) && asksFor(statement, sync));
      const read = { ...statement, position, said: told.filter(before), own };
      after = statement.offset;
      return read;
    });
    const owned = new Set(statements.flatMap(({ own }) => own));
    return {
      statements: statements.filter(({ kind }) => !ASIDE.has(kind)),
      syncs: syncs.filter((sync) => !owned.has(sync)),
      problems,
    };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const problem = { position: positionAt(path, sql, error.offset), text: error.message };
    return { statements: [], syncs, problems: [...problems, problem] };
  }
}
