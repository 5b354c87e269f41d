/** One node of PostgreSQL's parse tree, in the JSON form of libpg_query: `{ "ColumnRef": { … } }` or the fields of one. */
export type Node = Readonly<Record<string, unknown>>;

export interface ParsedStatement {
  /** The node's type, such as `AlterTableStmt`. */
  readonly kind: string;
  /** The fields of that node. */
  readonly node: Node;
  /** The statement as it was written, without its semicolon. */
  readonly text: string;
  /** Where it begins in the text that was parsed, in characters. */
  readonly offset: number;
}

/** PostgreSQL's own grammar. The planner is pure: whoever calls it hands the grammar in (`adapters/postgres/language.ts`). */
export interface SqlLanguage {
  /** @throws SqlSyntaxError */
  parse(sql: string): readonly ParsedStatement[];
  /** SQL for a statement, expression or type: `{ kind: fields }`. */
  deparse(node: Node): string;
}

export class SqlSyntaxError extends Error {
  /** In characters from the beginning of the text. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "SqlSyntaxError";
    this.offset = offset;
  }
}
