import { child, children, columnsIn, flag, text, words } from "../ast.ts";
import { constraintOf, type Constraint } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, qualified, rangeName, sameName, type ObjectName } from "../names.ts";
import type { Action } from "./action.ts";
import { addConstraintSql, alterSql, concurrently, freeName, quoteTable, tableLabel, validate } from "./alter.ts";
import { physicalNames, seenColumn, type PlanDraft, type TableDraft } from "./draft.ts";
import { columnsThen, renamedConstraint, tableThen } from "./final-names.ts";

/** ADD CONSTRAINT. What would refuse writes of the running release waits for the contract, unless the developer says that it obeys. */
export function addConstraint(draft: PlanDraft, table: TableDraft, constraint: Node, usual: Action["phase"] | null = null): void {
  if (!isEnforced(constraint) && draft.catalog.version < 180_000) {
    draft.refuse("not-known", "NOT ENFORCED exists since PostgreSQL 18", ["-- leave the constraint out"]);
    return;
  }
  const harmless = !isEnforced(constraint) || onlyNew(table, constraint);
  const phase = draft.phase(usual ?? (harmless ? "expand" : "contract"));
  const given = renamedConstraint(constraint, physicalNames(table));
  const named = (suffix: string): Node => withName(table, given, phase === "expand" ? given : constraint, suffix);
  switch (text(constraint, "contype")) {
    case "CONSTR_CHECK":
      addUnvalidated(draft, table, named("check"), phase);
      return;
    case "CONSTR_FOREIGN":
      addForeign(draft, table, named("fkey"), phase);
      return;
    case "CONSTR_UNIQUE":
    case "CONSTR_PRIMARY":
      addUnique(draft, table, given, phase);
      return;
    case "CONSTR_NOTNULL":
      addUnvalidated(draft, table, named("not_null"), phase);
      return;
    default:
      refuseExclude(draft, table, constraint);
  }
}

/** #31: what is NOT ENFORCED refuses nothing. Only of these kinds does the parse tree say it, and it leaves out what is false. */
function isEnforced(constraint: Node): boolean {
  const kind = text(constraint, "contype");
  return (kind !== "CONSTR_CHECK" && kind !== "CONSTR_FOREIGN") || flag(constraint, "is_enforced");
}

/** All the columns that it speaks of come with this release: no old client writes them. */
function onlyNew(table: TableDraft, constraint: Node): boolean {
  const columns = concerned(constraint);
  return (
    columns.length > 0 &&
    columns.every((name) => table.base?.columns.every((column) => column.name !== seenColumn(table, name)?.physical))
  );
}

function concerned(constraint: Node): readonly string[] {
  const keys = [...words(children(constraint, "keys")), ...words(children(constraint, "fk_attrs"))];
  return keys.length > 0 ? keys : columnsIn(constraint["raw_expr"]);
}

/** The constraint with its own name, or one that is made from the columns that `said` names. */
function withName(table: TableDraft, constraint: Node, said: Node, suffix: string): Node {
  return { ...constraint, conname: text(said, "conname") || freeName(table, ...concerned(said).slice(0, 2), suffix) };
}

function addUnvalidated(draft: PlanDraft, table: TableDraft, constraint: Node, phase: Action["phase"]): void {
  const enforced = isEnforced(constraint);
  const name = text(constraint, "conname");
  draft.act({
    stage: phase === "contract" ? "tidy" : "check",
    phase,
    title: `add ${name} for new rows of ${table.name.name}`,
    run: () => ({
      kind: "transaction",
      sql: [
        addConstraintSql(draft, tableThen(table, phase), {
          ...renamedConstraint(constraint, columnsThen(table, phase)),
          ...referredTo(draft, constraint, phase),
          skip_validation: enforced,
          initially_valid: !enforced,
        }),
      ],
    }),
    table: tableLabel(table),
    lock: text(constraint, "contype") === "CONSTR_FOREIGN" ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(name)}`],
  });
  if (enforced && !flag(constraint, "skip_validation")) validate(draft, table, name, phase);
  if (phase === "contract") {
    draft.notice(
      "constraint-waits",
      `${name} is added by the contract: the running release may write what it forbids. If it does not, say \`-- hitless: phase=expand\``,
    );
  }
}

function addForeign(draft: PlanDraft, table: TableDraft, constraint: Node, phase: Action["phase"]): void {
  const target = draft.table(rangeName(child(constraint, "pktable"), draft.schema));
  addUnvalidated(draft, table, target === null ? constraint : withPhysicalTarget(constraint, target), phase);
  const columns = words(children(constraint, "fk_attrs"));
  const indexed = table.base?.indexes.some((index) => index.columns[0] === columns[0]);
  if (indexed !== true && table.base !== null) {
    draft.notice(
      "foreign-key-index",
      `no index of ${table.name.name} begins with ${columns.join(", ")}: deleting what is referred to scans it`,
    );
  }
}

function withPhysicalTarget(constraint: Node, target: TableDraft): Node {
  const names = physicalNames(target);
  const columns = words(children(constraint, "pk_attrs")).map((name) => ({ String: { sval: names.get(name) ?? name } }));
  return { ...constraint, pktable: rangeOf(target.physical), ...(columns.length === 0 ? {} : { pk_attrs: columns }) };
}

const rangeOf = ({ schema, name }: ObjectName): Node => ({
  schemaname: schema,
  relname: name,
  inh: true,
  relpersistence: "p",
});

/** What a foreign key refers to, as it is called when the phase runs. */
function referredTo(draft: PlanDraft, constraint: Node, phase: Action["phase"]): Node {
  const named = child(constraint, "pktable");
  if (named === null) return {};
  const physical = rangeName(named, draft.schema);
  const target = draft.tables.find((table) => sameName(table.physical, physical));
  if (target === undefined) return {};
  const names = columnsThen(target, phase);
  const columns = words(children(constraint, "pk_attrs")).map((name) => ({ String: { sval: names.get(name) ?? name } }));
  return { pktable: rangeOf(tableThen(target, phase)), ...(columns.length === 0 ? {} : { pk_attrs: columns }) };
}

function addUnique(draft: PlanDraft, table: TableDraft, constraint: Node, phase: Action["phase"]): void {
  const primary = text(constraint, "contype") === "CONSTR_PRIMARY";
  const built = text(constraint, "indexname");
  const columns = words(children(constraint, "keys"));
  const name = text(constraint, "conname") || built || freeName(table, ...(primary ? [] : columns), primary ? "pkey" : "key");
  const kind = primary ? "PRIMARY KEY" : "UNIQUE";
  const { schema } = tableThen(table, phase);
  const on = (): string => qualified(tableThen(table, phase));
  const now = (column: string): string => ident(columnsThen(table, phase).get(column) ?? column);
  const stage = phase === "contract" ? "tidy" : "check";
  if (built === "") {
    const nulls = flag(constraint, "nulls_not_distinct") ? " NULLS NOT DISTINCT" : "";
    const including = words(children(constraint, "including"));
    const include = (): string => (including.length === 0 ? "" : ` INCLUDE (${including.map(now).join(", ")})`);
    draft.act({
      stage,
      phase,
      title: `build the index of ${name}`,
      run: () =>
        concurrently({
          schema: tableThen(table, phase).schema,
          name,
          sql: `CREATE UNIQUE INDEX CONCURRENTLY ${ident(name)} ON ${on()} (${columns.map(now).join(", ")})${include()}${nulls}`,
        }),
      table: tableLabel(table),
      lock: "SHARE UPDATE EXCLUSIVE",
      work: "index build",
      undo: [`DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ schema, name })}`],
      undoAlone: true,
    });
  }
  const nullable = primary ? columns.filter((column) => table.all.get(column)?.notNull === false) : [];
  const checks = nullable.map((column) => notNullFirst(draft, table, { column, phase }));
  draft.act({
    stage,
    phase,
    title: `make ${name} a constraint`,
    run: () => ({
      kind: "transaction",
      sql: [
        ...nullable.map((column) => `ALTER TABLE ${on()} ALTER COLUMN ${now(column)} SET NOT NULL`),
        `ALTER TABLE ${on()} ADD CONSTRAINT ${ident(name)} ${kind} USING INDEX ${ident(built || name)}`,
        ...checks.map((check) => `ALTER TABLE ${on()} DROP CONSTRAINT ${ident(check)}`),
      ],
    }),
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(name)}`],
  });
  if (phase === "contract") {
    draft.notice(
      "constraint-waits",
      `${name} is built by the contract: the running release may write duplicates. If it does not, or if this release needs it for ON CONFLICT, say \`-- hitless: phase=expand\``,
    );
  }
}

/** A primary key of columns that may be null would be checked row by row under the strongest lock; with a valid check it is not. Gives its name. */
function notNullFirst(
  draft: PlanDraft,
  table: TableDraft,
  { column, phase }: { readonly column: string; readonly phase: Action["phase"] },
): string {
  const check = fitted(`${table.physical.name}_${column}_not_null_r${String(draft.release)}`);
  draft.act({
    stage: phase === "contract" ? "tidy" : "check",
    phase,
    title: `let ${table.name.name}.${column} hold no new nulls`,
    run: () => ({
      kind: "transaction",
      sql: [
        `ALTER TABLE ${qualified(tableThen(table, phase))} ADD CONSTRAINT ${ident(check)} CHECK (${ident(columnsThen(table, phase).get(column) ?? column)} IS NOT NULL) NOT VALID`,
      ],
    }),
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(check)}`],
  });
  validate(draft, table, check, phase);
  return check;
}

function refuseExclude(draft: PlanDraft, table: TableDraft, constraint: Node): void {
  const name = text(constraint, "conname") || freeName(table, "excl");
  draft.refuse(
    "exclude-constraint",
    "PostgreSQL builds an exclusion constraint only under a lock that stops all reads and writes",
    [
      `CREATE TABLE ${ident(fitted(`${table.name.name}_new`))} (LIKE ${quoteTable(table)} INCLUDING ALL);`,
      `ALTER TABLE ${ident(fitted(`${table.name.name}_new`))} ADD CONSTRAINT ${ident(name)} EXCLUDE …;`,
      `-- and let the release write both tables, until a later one reads only the new one`,
    ],
  );
}

/** DROP CONSTRAINT: a check or foreign key goes at once, because the release needs it gone; a unique key, which ON CONFLICT names, waits. */
export function dropConstraint(draft: PlanDraft, table: TableDraft, name: string, missingOk: boolean): void {
  const constraint = table.base === null ? null : constraintOf(table.base, name);
  if (constraint === null) {
    if (!missingOk) draft.refuse("unknown-object", `${table.name.name} has no constraint ${name}`, []);
    return;
  }
  const key = constraint.kind === "unique" || constraint.kind === "primary" || constraint.kind === "exclude";
  const phase = draft.phase(key ? "contract" : "expand");
  if (phase === "expand") table.gone.add(name);
  const referred =
    constraint.references === null ? [] : [`LOCK TABLE ${qualified(constraint.references)} IN ACCESS EXCLUSIVE MODE`];
  draft.act({
    stage: phase === "contract" ? "drop" : "shape",
    phase,
    title: `drop ${name}`,
    run: () => ({
      kind: "transaction",
      sql: [...referred, `ALTER TABLE ${qualified(tableThen(table, phase))} DROP CONSTRAINT ${ident(name)}`],
    }),
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: restore(table, constraint),
  });
}

function restore(table: TableDraft, { name, kind, definition }: Constraint): string[] {
  if (kind !== "check" && kind !== "foreign") return [];
  return [`ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(name)} ${definition.replace(/ NOT VALID$/, "")} NOT VALID`];
}

/** VALIDATE CONSTRAINT as it is written: beside the traffic. */
export function validateConstraint(draft: PlanDraft, table: TableDraft, name: string): void {
  if (table.base !== null && constraintOf(table.base, name)?.validated === true) return;
  validate(draft, table, name, draft.phase("expand"));
}

/** Commands that name a column. */
const OF_COLUMN = new Set([
  "AT_SetStatistics",
  "AT_SetOptions",
  "AT_ResetOptions",
  "AT_SetStorage",
  "AT_SetCompression",
  "AT_SetIdentity",
  "AT_DropIdentity",
  "AT_DropExpression",
]);

/** What changes only the catalog and that no client sees, in the transaction it was written for. */
export function asWritten(
  draft: PlanDraft,
  table: TableDraft,
  commands: readonly Node[],
  options: { phase?: Action["phase"]; lock?: Action["lock"]; undo?: readonly string[] } = {},
): void {
  const phase = draft.phase(options.phase ?? "expand");
  const named = commands.map((command) => {
    const physical = seenColumn(table, text(command, "name"))?.physical;
    if (!OF_COLUMN.has(text(command, "subtype")) || physical === undefined) return () => command;
    // A twin that a later statement adds is not there yet in this phase.
    return () => ({ ...command, name: phase === "expand" ? physical : (columnsThen(table, phase).get(physical) ?? physical) });
  });
  draft.act({
    stage: phase === "contract" ? "tidy" : "shape",
    phase,
    title: `change ${table.name.name}`,
    run: () => ({
      kind: "transaction",
      sql: [
        alterSql(
          draft,
          tableThen(table, phase),
          named.map((command) => command()),
        ),
      ],
    }),
    table: tableLabel(table),
    lock: options.lock ?? "ACCESS EXCLUSIVE",
    work: "instant",
    undo: options.undo ?? [],
  });
}
