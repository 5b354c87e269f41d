import { child, children, mapped, text, words } from "../ast.ts";
import { referencesTo, type Constraint, type Index, type Table } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, sameName, type ObjectName } from "../names.ts";
import { concurrently, quoteTable, tableLabel, validate } from "./alter.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { baseThen, columnsThen, tableThen } from "./final-names.ts";

/*
 * What stands on columns that have got twins: the same is made on the twins, and takes the names with the contract. Planned when all statements
 * are known, because a column may change twice, and a foreign key's two ends both.
 */

/** Columns of the base with their last twins, but for what is dropped in the end. */
function twinsOf(table: TableDraft): ReadonlyMap<string, string> {
  const names = columnsThen(table, "expand");
  const pairs = (table.base?.columns ?? []).map(({ name }) => [name, names.get(name) ?? name] as const);
  return new Map(pairs.filter(([name, twin]) => name !== twin && !table.dropped.includes(twin)));
}

/** The first to be planned: foreign keys to twins need them. */
export function copyIndexes(draft: PlanDraft, table: TableDraft): void {
  if (table.twinned === null) return;
  draft.resume(table.twinned.statement);
  const twins = twinsOf(table);
  moveDefaults(table, twins);
  for (const index of table.base?.indexes ?? []) {
    const [statement] = draft.language.parse(index.definition);
    if (statement === undefined) continue;
    const changed = renamedIn({ IndexStmt: statement.node }, twins);
    if (JSON.stringify(changed) === JSON.stringify({ IndexStmt: statement.node })) continue;
    const name = fitted(`${index.name}__r${String(draft.release)}`);
    const node = { ...(child(changed, "IndexStmt") ?? {}), idxname: name, concurrent: true };
    draft.act({
      stage: "check",
      phase: "expand",
      title: `build ${name}, which ${index.name} will be`,
      run: concurrently({ schema: table.physical.schema, name, sql: draft.language.deparse({ IndexStmt: node }) }),
      table: tableLabel(table),
      lock: "SHARE UPDATE EXCLUSIVE",
      work: "index build",
      undo: [`DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ schema: table.physical.schema, name })}`],
      undoAlone: true,
    });
    table.takeOvers.push(takeOverIndex(table, index, name));
  }
  draft.end();
}

/** The same tree with columns under other names, wherever a constraint or an index names them. */
function renamedIn(node: Node, names: ReadonlyMap<string, string>): Node {
  const keys = (list: readonly Node[]): readonly Node[] =>
    list.map((item) => {
      const to = names.get(words([item])[0] ?? "");
      return to === undefined ? item : { String: { sval: to } };
    });
  return mapped(node, (kind, fields) => {
    if (kind === "ColumnRef") return { ...fields, fields: keys(children(fields, "fields")) };
    const to = kind === "IndexElem" ? names.get(text(fields, "name")) : undefined;
    return to === undefined ? fields : { ...fields, name: to };
  }) as Node;
}

/** The old index went with its column; a constraint that it stood for is made from the new one. */
function takeOverIndex(table: TableDraft, index: Index, built: string): string {
  const constraint = table.base?.constraints.find(({ name }) => name === index.constraint);
  if (constraint === undefined)
    return `ALTER INDEX ${qualified({ schema: table.physical.schema, name: built })} RENAME TO ${ident(index.name)}`;
  const kind = constraint.kind === "primary" ? "PRIMARY KEY" : "UNIQUE";
  return `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(constraint.name)} ${kind} USING INDEX ${ident(built)}`;
}

/** When the indexes of all tables are planned. */
export function copyConstraints(draft: PlanDraft, table: TableDraft): void {
  if (table.twinned === null) return;
  draft.resume(table.twinned.statement);
  const twins = twinsOf(table);
  for (const constraint of table.base?.constraints ?? []) {
    if (table.gone.has(constraint.name) || !constraint.columns.some((column) => twins.has(column))) continue;
    if (constraint.kind === "check") copyConstraint(draft, table, constraint, renamedCheck(draft, constraint, twins));
    if (constraint.kind === "foreign") {
      const parent = draft.tables.find(
        ({ physical }) => constraint.references !== null && sameName(physical, constraint.references),
      );
      const keys = parent === undefined ? new Map<string, string>() : twinsOf(parent);
      copyConstraint(draft, table, constraint, renamedForeign(constraint, twins, keys));
    }
  }
  moveReferences(draft, table, twins);
  draft.end();
}

function copyConstraint(draft: PlanDraft, table: TableDraft, constraint: Constraint, definition: string): void {
  const name = twinConstraint(draft, constraint);
  draft.act({
    stage: "check",
    phase: "expand",
    title: `add ${name}, which ${constraint.name} will be`,
    run: {
      kind: "transaction",
      sql: [`ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(name)} ${definition.replace(/ NOT VALID$/, "")} NOT VALID`],
    },
    table: tableLabel(table),
    lock: constraint.kind === "foreign" ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(name)}`],
  });
  validate(draft, table, name, "expand");
  table.takeOvers.push(`ALTER TABLE ${quoteTable(table)} RENAME CONSTRAINT ${ident(name)} TO ${ident(constraint.name)}`);
}

const twinConstraint = (draft: PlanDraft, { name }: Constraint): string => fitted(`${name}__r${String(draft.release)}`);

function renamedCheck(draft: PlanDraft, constraint: Constraint, names: ReadonlyMap<string, string>): string {
  const [statement] = draft.language.parse(`ALTER TABLE t ADD ${constraint.definition}`);
  const command = statement === undefined ? undefined : children(statement.node, "cmds")[0];
  const def = child(child(command ?? {}, "AlterTableCmd") ?? {}, "def");
  if (def === null) throw new Error(`not a constraint: ${constraint.definition}`);
  return draft.language
    .deparse({ Constraint: child(renamedIn(def, names), "Constraint") ?? {} })
    .replace(/\s+/g, " ")
    .trim();
}

/** Of a foreign key's definition: the lists of columns, with what stands before them. */
const REFERRED = /(REFERENCES [^(]+)\(([^)]*)\)/;
const REFERRING = /(FOREIGN KEY )\(([^)]*)\)/;
const SET_ON_DELETE = /(ON DELETE SET (?:NULL|DEFAULT) )\(([^)]*)\)/;

function columnsOf({ definition }: Constraint, part: RegExp): readonly string[] {
  const list = part.exec(definition)?.[2] ?? "";
  return list.split(",").map((column) => column.trim().replaceAll('"', ""));
}

/** Its definition with other names: of its own columns, and of those that it refers to. */
function renamedForeign(constraint: Constraint, own: ReadonlyMap<string, string>, referred: ReadonlyMap<string, string>): string {
  const list = (part: RegExp, names: ReadonlyMap<string, string>): string =>
    columnsOf(constraint, part)
      .map((column) => ident(names.get(column) ?? column))
      .join(", ");
  return constraint.definition
    .replace(/ NOT VALID$/, "")
    .replace(REFERRED, (_, before: string) => `${before}(${list(REFERRED, referred)})`)
    .replace(REFERRING, (_, before: string) => `${before}(${list(REFERRING, own)})`)
    .replace(SET_ON_DELETE, (_, before: string) => `${before}(${list(SET_ON_DELETE, own)})`);
}

/** Foreign keys to columns that go: PostgreSQL drops no column under one. */
function moveReferences(draft: PlanDraft, table: TableDraft, twins: ReadonlyMap<string, string>): void {
  if (table.base === null) return;
  for (const { table: other, constraint } of referencesTo(draft.catalog, table.base)) {
    if (!columnsOf(constraint, REFERRED).some((column) => twins.has(column))) continue;
    const referring = draft.tables.find(({ physical }) => sameName(physical, other));
    if (referring?.gone.has(constraint.name) === true) continue;
    // Contracts go table by table: what the other one is called then.
    const isEarlier = referring !== undefined && draft.tables.indexOf(referring) < draft.tables.indexOf(table);
    const changes = referring !== undefined && constraint.columns.some((column) => twinsOf(referring).has(column));
    const now = isEarlier ? tableThen(referring, "contract") : other;
    // Its twin refers to the twin already, and has taken its name where it comes first.
    if (!changes || !isEarlier) table.beforeSwap.push(`ALTER TABLE ${qualified(now)} DROP CONSTRAINT ${ident(constraint.name)}`);
    if (!changes)
      referAgain(draft, table, { other, constraint, now, renamed: isEarlier || referring === table ? referring : undefined });
  }
}

interface Reference {
  readonly other: Table;
  readonly constraint: Constraint;
  /** What the referring table is called while the contract of the key runs. */
  readonly now: ObjectName;
  /** The referring table, if its columns have their new names by then. */
  readonly renamed: TableDraft | undefined;
}

/** It refers to the twin from the contract on, and is checked beside the traffic. */
function referAgain(draft: PlanDraft, table: TableDraft, { other, constraint, now, renamed }: Reference): void {
  const own = renamed === undefined ? new Map<string, string>() : columnsThen(renamed, "contract");
  const definition = renamedForeign(constraint, own, columnsThen(table, "contract"));
  table.references.push(`ALTER TABLE ${qualified(now)} ADD CONSTRAINT ${ident(constraint.name)} ${definition} NOT VALID`);
  draft.act({
    stage: "tidy",
    phase: "contract",
    title: `check the rows of ${other.name} against ${constraint.name}`,
    run: () => ({
      kind: "transaction",
      sql: [`ALTER TABLE ${qualified(baseThen(draft, other, "contract"))} VALIDATE CONSTRAINT ${ident(constraint.name)}`],
    }),
    table: `${other.schema}.${other.name}`,
    lock: "SHARE UPDATE EXCLUSIVE",
    work: "scan",
  });
}

/** The defaults, the sequences behind them and the identities go over to the twins with the contract. */
function moveDefaults(table: TableDraft, twins: ReadonlyMap<string, string>): void {
  for (const [old, twin] of twins) {
    const spec = table.twinned?.specs.get(twin);
    const column = table.all.get(old);
    if (spec === undefined || column === undefined) continue;
    const name = quoteTable(table);
    if (column.identity !== null) {
      // The counter goes with the old column: where it stood is carried over inside of the transaction.
      table.beforeSwap.push(
        `SELECT set_config('hitless.next', nextval(pg_get_serial_sequence(${literal(name)}, ${literal(old)}))::text, true)`,
        `ALTER TABLE ${name} ALTER COLUMN ${ident(twin)} ADD GENERATED ${column.identity.toUpperCase()} AS IDENTITY`,
        `SELECT setval(pg_get_serial_sequence(${literal(name)}, ${literal(twin)}), current_setting('hitless.next')::bigint, false)`,
      );
      continue;
    }
    const sequence = sequenceOf(column.default);
    if (sequence !== undefined) {
      table.beforeSwap.push(`ALTER SEQUENCE ${sequence} OWNED BY ${name}.${ident(twin)}`);
      if (/^(bigint|int8|numeric.*)$/.test(spec.type)) table.beforeSwap.push(`ALTER SEQUENCE ${sequence} AS bigint`);
    }
    if (spec.default !== null)
      table.beforeSwap.push(`ALTER TABLE ${name} ALTER COLUMN ${ident(twin)} SET DEFAULT ${spec.default}`);
  }
}

/** The sequence of a default that does nothing but count. */
export function sequenceOf(value: string | null): string | undefined {
  return /^nextval\('((?:[^']|'')+)'::regclass\)$/.exec(value ?? "")?.[1];
}
