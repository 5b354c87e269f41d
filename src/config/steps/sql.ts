import { child, children, flag, opened, optionNamed, text } from "../../database/ast.ts";
import { rangeAsConstant } from "../../database/backfill/range-query.ts";
import { SqlSyntaxError, type ParsedStatement, type SqlLanguage } from "../../database/language.ts";

/** What PostgreSQL's grammar, or the way a step is run, has against its SQL. */
export interface SqlProblem {
  /** In characters of the text that was written. */
  readonly offset: number;
  readonly text: string;
}

type Check = (statements: readonly ParsedStatement[]) => readonly SqlProblem[];

/** Where Hitless puts what was written. */
interface Frame {
  readonly before: string;
  readonly after: string;
}

const BARE: Frame = { before: "", after: "" };
/** They leave the transaction of the step open. */
const INNER = ["TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE", "TRANS_STMT_ROLLBACK_TO"];

/** Of a file of SQL. `alone`: it says `transaction = false`. */
export function fileProblems(language: SqlLanguage, sql: string, alone: boolean): readonly SqlProblem[] {
  return problemsIn(language, sql, BARE, (statements) => {
    const [first, second] = statements;
    if (first === undefined) return [{ offset: 0, text: "there is no statement in it" }];
    const control = statements.filter(controlsTransaction).map(controlProblem);
    if (!alone) return [...control, ...statements.flatMap(outsideProblem)].toSorted((a, b) => a.offset - b.offset);
    return second === undefined ? control : [...control, manyProblem(second)];
  });
}

/** Of what is written in YAML, each by its place there. */
export const WRITTEN: readonly {
  readonly path: readonly string[];
  readonly problems: (language: SqlLanguage, written: string) => readonly SqlProblem[];
}[] = [
  { path: ["update", "set"], problems: setProblems },
  { path: ["update", "where"], problems: whereProblems },
  { path: ["batches", "query"], problems: (language, query) => oneProblems(language, rangeAsConstant(query)) },
  { path: ["wait", "query"], problems: oneProblems },
];

/** What comes after it is which rows are meant: nothing may hide that. */
function setProblems(language: SqlLanguage, set: string): readonly SqlProblem[] {
  return problemsIn(language, set, { before: "UPDATE t SET ", after: " WHERE true" }, ([statement, ...others]) => {
    const { kind } = opened(child(statement?.node ?? {}, "whereClause") ?? {});
    if (statement?.kind === "UpdateStmt" && kind === "A_Const" && others.length === 0) return [];
    return [{ offset: 0, text: 'expected what is set and nothing else, such as "email = lower(email)"; no `--` and no `;`' }];
  });
}

function whereProblems(language: SqlLanguage, where: string): readonly SqlProblem[] {
  return problemsIn(language, where, { before: "SELECT WHERE (", after: ") AND true" }, ([statement, ...others]) => {
    const { kind, node } = opened(child(statement?.node ?? {}, "whereClause") ?? {});
    if (kind === "BoolExpr" && text(node, "boolop") === "AND_EXPR" && others.length === 0) return [];
    return [{ offset: 0, text: 'expected one condition, such as "email <> lower(email)"' }];
  });
}

function oneProblems(language: SqlLanguage, query: string): readonly SqlProblem[] {
  return problemsIn(language, query, BARE, ([first, second]) => {
    if (first === undefined) return [{ offset: 0, text: "there is no statement in it" }];
    if (second !== undefined) return [{ offset: second.offset, text: "a second statement: expected one" }];
    return controlsTransaction(first) ? [controlProblem(first)] : [];
  });
}

function problemsIn(language: SqlLanguage, written: string, { before, after }: Frame, check: Check): readonly SqlProblem[] {
  const last = Math.max(0, written.trimEnd().length - 1);
  const inside = (offset: number): number => Math.min(Math.max(0, offset - before.length), last);
  try {
    return check(language.parse(`${before}${written}${after}`)).map((one) => ({ ...one, offset: inside(one.offset) }));
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const isPast = after !== "" && error.offset - before.length >= written.length;
    return [{ offset: inside(error.offset), text: isPast ? "syntax error at the end of it" : error.message }];
  }
}

function controlsTransaction({ kind, node }: ParsedStatement): boolean {
  return kind === "TransactionStmt" && !INNER.includes(text(node, "kind"));
}

function controlProblem({ offset, text: sql }: ParsedStatement): SqlProblem {
  return {
    offset,
    text: `${firstWord(sql)}: the step is a transaction by itself, with what says that it is done; leave it out`,
  };
}

function manyProblem({ offset }: ParsedStatement): SqlProblem {
  return { offset, text: "a second statement: with `transaction = false` each would be one by itself; make a step of each" };
}

/** What PostgreSQL does not do in a transaction. */
function outsideProblem({ kind, node, offset, text: sql }: ParsedStatement): readonly SqlProblem[] {
  const isConcurrent = flag(node, "concurrent") || optionNamed(node, "params", "concurrently") !== null;
  const isVacuum = kind === "VacuumStmt" && flag(node, "is_vacuumcmd");
  const isDetached = children(node, "cmds").some((command) =>
    flag(child(child(child(command, "AlterTableCmd") ?? {}, "def") ?? {}, "PartitionCmd") ?? {}, "concurrent"),
  );
  if (!isVacuum && !isDetached && !(isConcurrent && ["IndexStmt", "DropStmt", "ReindexStmt"].includes(kind))) return [];
  const what = isVacuum ? "VACUUM" : `${firstWord(sql)} … CONCURRENTLY`;
  return [{ offset, text: `${what} cannot be in a transaction: say \`-- hitless: transaction = false\` at the head` }];
}

function firstWord(sql: string): string {
  return (/^\w+/.exec(sql)?.[0] ?? "").toUpperCase();
}
