import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, type ObjectName } from "../names.ts";
import type { AloneRun } from "./action.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { tableThen } from "./final-names.ts";

/** `ALTER TABLE …` with the given commands of the parse tree. */
export function alterSql(draft: PlanDraft, table: ObjectName, commands: readonly Node[]): string {
  const relation = { schemaname: table.schema, relname: table.name, inh: true, relpersistence: "p" };
  const cmds = commands.map((command) => ({ AlterTableCmd: command }));
  return oneLine(draft.language.deparse({ AlterTableStmt: { relation, cmds, objtype: "OBJECT_TABLE" } }));
}

export function addConstraintSql(draft: PlanDraft, table: ObjectName, constraint: Node): string {
  return alterSql(draft, table, [{ subtype: "AT_AddConstraint", def: { Constraint: constraint }, behavior: "DROP_RESTRICT" }]);
}

/** The writer of SQL breaks lines where nothing quoted stands. */
export function oneLine(sql: string): string {
  return /['"$]/.test(sql) ? sql.replace(/\n +/g, " ") : sql.replace(/\s+/g, " ").trim();
}

export const quoteTable = (table: TableDraft): string => qualified(table.physical);
export const tableLabel = ({ physical }: TableDraft): string => `${physical.schema}.${physical.name}`;

/** A name for what PostgreSQL would name itself, that nothing of the table has yet. */
export function freeName(table: TableDraft, ...parts: readonly string[]): string {
  const taken = new Set([
    ...(table.base?.constraints.map(({ name }) => name) ?? []),
    ...(table.base?.indexes.map(({ name }) => name) ?? []),
  ]);
  for (let number = 0; ; number++) {
    const name = fitted([table.name.name, ...parts].join("_") + (number === 0 ? "" : String(number)));
    if (!taken.has(name)) return name;
  }
}

/** The columns along which the table is walked: its primary key, or a valid unique index of columns that are never null. */
export function keyOf({ base }: Pick<TableDraft, "base">): readonly string[] {
  if (base === null) return [];
  const primary = base.constraints.find(({ kind }) => kind === "primary");
  if (primary !== undefined) return primary.columns;
  const never = new Set(base.columns.filter(({ notNull }) => notNull).map(({ name }) => name));
  const unique = base.indexes.find(
    ({ unique: only, valid, columns, definition }) =>
      only && valid && columns.length > 0 && columns.every((name) => never.has(name)) && !/ WHERE |\(\(/.test(definition),
  );
  return unique?.columns ?? [];
}

interface IndexBuild {
  readonly schema: string;
  readonly name: string;
  readonly sql: string;
}

/** CREATE INDEX CONCURRENTLY that may be repeated: a try that was cut short leaves an invalid index, which is cleared first. */
export function concurrently({ schema, name, sql }: IndexBuild): AloneRun {
  const valid = `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(${literal(qualified({ schema, name }))})`;
  return {
    kind: "alone",
    sql,
    done: `SELECT COALESCE((${valid}), false) AS done`,
    repair: {
      broken: `SELECT NOT COALESCE((${valid}), true) AS broken`,
      sql: `DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ schema, name })}`,
    },
  };
}

/** VALIDATE CONSTRAINT: a scan beside which everybody reads and writes. */
export function validate(draft: PlanDraft, table: TableDraft, constraint: string, phase: "expand" | "contract"): void {
  draft.act({
    stage: phase === "contract" ? "tidy" : "check",
    phase,
    title: `check the rows of ${table.name.name} against ${constraint}`,
    run: () => ({
      kind: "transaction",
      sql: [`ALTER TABLE ${qualified(tableThen(table, phase))} VALIDATE CONSTRAINT ${ident(constraint)}`],
    }),
    table: tableLabel(table),
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "scan",
  });
}
