import { child, children, mapped, text, words } from "../ast.ts";
import type { Constraint, Index } from "../catalog.ts";
import { referencesTo } from "../catalog.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, sameName, type ObjectName } from "../names.ts";
import { carryOverColumn } from "./carry-over.ts";
import { concurrently, keyOf, quoteTable, tableLabel, validate } from "./alter.ts";
import { physicalNames, replaceSeen, type PlanDraft, type SeenColumn, type TableDraft } from "./draft.ts";
import { rebound } from "./expression.ts";
import { baseThen, columnsThen } from "./final-names.ts";
import { refuseStars } from "./stars.ts";
import { comparable } from "./types.ts";

/** What the new release's column is, and how the two are kept in step. */
export interface TwinSpec {
  readonly type: string;
  readonly collation: string | null;
  readonly notNull: boolean;
  /** The new value, over the columns of the old release. */
  readonly up: Node;
  /** The old value, over the columns of the new release. */
  readonly down: Node;
  /** As the default of the new column; null: none. */
  readonly default: string | null;
}

/**
 * A second column beside one that changes: filled from it, kept in step with it in both directions, with the same indexes and constraints.
 * The old release goes on with the old one; the contract drops that and gives its name to the twin.
 */
export function addTwin(draft: PlanDraft, table: TableDraft, seen: SeenColumn, wanted: TwinSpec): void {
  refuseStars(draft, table);
  const spec = seen.viewDefault === undefined ? wanted : { ...wanted, default: seen.viewDefault };
  const old = table.all.get(seen.physical);
  if (old === undefined) throw new Error(`${table.name.name} has no column ${seen.physical}`);
  const twin = fitted(`${old.name}__r${String(draft.release)}`);
  const oldNames = new Map([...table.all.keys()].map((name) => [name, name]));
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `add ${table.name.name}.${twin}, which ${seen.name} will be`,
    run: {
      kind: "transaction",
      sql: [
        `ALTER TABLE ${quoteTable(table)} ADD COLUMN ${ident(twin)} ${spec.type}${spec.collation === null ? "" : ` COLLATE ${spec.collation}`}`,
        carryOverColumn(table.physical, old.name, twin),
      ],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP COLUMN IF EXISTS ${ident(twin)}`],
  });
  table.all.set(twin, { ...old, name: twin, type: spec.type, notNull: false, default: null, identity: null, nullFraction: 1 });
  replaceSeen(table, seen.name, (column) => ({
    ...column,
    physical: twin,
    type: spec.type,
    notNull: spec.notNull,
    viewDefault: old.identity === null ? spec.default : serialDefault(table.physical, old.name),
  }));
  table.seenDifferently = true;
  table.dropped.push(old.name);
  table.twins.set(old.name, twin);
  table.syncs.push(
    {
      direction: "up",
      target: twin,
      targetType: spec.type,
      value: spec.up,
      names: oldNames,
      sources: sourcesOf(table, spec.up, oldNames),
      newColumns: [twin],
    },
    {
      direction: "down",
      target: old.name,
      targetType: old.type,
      value: spec.down,
      names: physicalNames(table),
      sources: sourcesOf(table, spec.down, physicalNames(table)),
      newColumns: [twin],
    },
  );
  fill(draft, table, twin, { expression: draft.language.deparse(rebound(spec.up, oldNames)), computed: true });
  if (spec.notNull) neverNull(draft, table, twin);
  copyIndexes(draft, table, old.name, twin);
  copyConstraints(draft, table, old.name, twin);
  moveReferences(draft, table, old.name);
  moveDefault(table, { old: old.name, twin, spec, identity: old.identity, oldDefault: old.default });
}

/** The physical columns that an expression reads, with their types; columns that are not there are found by the shadow run. */
export function sourcesOf(
  table: TableDraft,
  expression: Node,
  names: ReadonlyMap<string, string>,
): { name: string; type: string }[] {
  const read = new Set<string>();
  mapped(expression, (kind, fields) => {
    const name = kind === "ColumnRef" ? words(children(fields, "fields")).at(-1) : undefined;
    if (name !== undefined) read.add(names.get(name) ?? name);
    return fields;
  });
  return [...read].flatMap((name) => {
    const column = table.all.get(name);
    return column === undefined ? [] : [{ name, type: column.type }];
  });
}

interface FillValue {
  readonly expression: string;
  readonly computed: boolean;
}

/** `computed`: the expression gives the same for the same row, so that it can be compared afterwards. */
export function fill(draft: PlanDraft, table: TableDraft, column: string, { expression, computed }: FillValue): void {
  draft.act({
    stage: "fill",
    phase: "expand",
    title: `fill ${table.name.name}.${column}`,
    run: {
      kind: "backfill",
      backfill: {
        table: quoteTable(table),
        key: keyOf(table).map(ident),
        set: `${ident(column)} = ${expression}`,
        where: `${ident(column)} IS NULL AND (${expression}) IS NOT NULL`,
        columns: [column],
        ...(computed ? { differs: differs(table.all.get(column)?.type ?? "text", ident(column), expression) } : {}),
      },
    },
    table: tableLabel(table),
    lock: "ROW EXCLUSIVE",
    work: "batches",
  });
}

/** As `=` would say it, where the type has one. */
function differs(type: string, column: string, expression: string): string {
  return `${comparable(column, type)} IS DISTINCT FROM ${comparable(`(${expression})::${type}`, type)}`;
}

/** A check that stands for NOT NULL until the contract: it is made without a lock that anybody feels. */
export function neverNull(draft: PlanDraft, table: TableDraft, column: string): void {
  const name = fitted(`${table.physical.name}_${column}_not_null_r${String(draft.release)}`);
  draft.act({
    stage: "check",
    phase: "expand",
    title: `let ${table.name.name}.${column} hold no new nulls`,
    run: {
      kind: "transaction",
      sql: [`ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(name)} CHECK (${ident(column)} IS NOT NULL) NOT VALID`],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(name)}`],
  });
  validate(draft, table, name, "expand");
  table.beforeSwap.push(
    `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(column)} SET NOT NULL`,
    `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT ${ident(name)}`,
  );
}

export function serialDefault(table: ObjectName, column: string): string {
  return `nextval(pg_get_serial_sequence(${literal(qualified(table))}, ${literal(column)}))`;
}

/** The same tree with one column under another name, wherever a constraint or an index names it. */
function renamedIn(node: Node, from: string, to: string): Node {
  const keys = (list: readonly Node[]): readonly Node[] =>
    list.map((item) => (words([item])[0] === from ? { String: { sval: to } } : item));
  return mapped(node, (kind, fields) => {
    if (kind === "ColumnRef") return { ...fields, fields: keys(children(fields, "fields")) };
    if (kind === "IndexElem" && text(fields, "name") === from) return { ...fields, name: to };
    return fields;
  }) as Node;
}

function copyIndexes(draft: PlanDraft, table: TableDraft, old: string, twin: string): void {
  for (const index of table.base?.indexes ?? []) {
    const [statement] = draft.language.parse(index.definition);
    if (statement === undefined) continue;
    const changed = renamedIn({ IndexStmt: statement.node }, old, twin);
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
    table.afterSwap.push(...takeOverIndex(table, index, name));
  }
}

/** The old index went with its column; a constraint that it stood for is made from the new one. */
function takeOverIndex(table: TableDraft, index: Index, built: string): string[] {
  const constraint = table.base?.constraints.find(({ name }) => name === index.constraint);
  if (constraint === undefined) {
    return [`ALTER INDEX ${qualified({ schema: table.physical.schema, name: built })} RENAME TO ${ident(index.name)}`];
  }
  const kind = constraint.kind === "primary" ? "PRIMARY KEY" : "UNIQUE";
  return [`ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(constraint.name)} ${kind} USING INDEX ${ident(built)}`];
}

function copyConstraints(draft: PlanDraft, table: TableDraft, old: string, twin: string): void {
  const concerned = (constraint: Constraint): boolean =>
    (constraint.kind === "check" || constraint.kind === "foreign") && constraint.columns.includes(old);
  for (const constraint of table.base?.constraints.filter(concerned) ?? []) {
    const name = fitted(`${constraint.name}__r${String(draft.release)}`);
    const definition = renamedDefinition(draft, constraint, old, twin).replace(/ NOT VALID$/, "");
    draft.act({
      stage: "check",
      phase: "expand",
      title: `add ${name}, which ${constraint.name} will be`,
      run: {
        kind: "transaction",
        sql: [`ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${ident(name)} ${definition} NOT VALID`],
      },
      table: tableLabel(table),
      lock: constraint.kind === "foreign" ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE",
      work: "instant",
      undo: [`ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${ident(name)}`],
    });
    validate(draft, table, name, "expand");
    table.afterSwap.push(`ALTER TABLE ${quoteTable(table)} RENAME CONSTRAINT ${ident(name)} TO ${ident(constraint.name)}`);
  }
}

function renamedDefinition(draft: PlanDraft, constraint: Constraint, old: string, twin: string): string {
  const [statement] = draft.language.parse(`ALTER TABLE t ADD ${constraint.definition}`);
  const command = statement === undefined ? undefined : children(statement.node, "cmds")[0];
  const def = child(child(command ?? {}, "AlterTableCmd") ?? {}, "def");
  if (def === null) throw new Error(`not a constraint: ${constraint.definition}`);
  const keys = (list: readonly Node[]): readonly Node[] =>
    list.map((item) => (words([item])[0] === old ? { String: { sval: twin } } : item));
  const body = child(renamedIn(def, old, twin), "Constraint") ?? {};
  const changed = constraint.kind === "foreign" ? { ...body, fk_attrs: keys(children(body, "fk_attrs")) } : body;
  const sql = draft.language.deparse({ Constraint: changed });
  return sql.replace(/\s+/g, " ").trim();
}

/** Of a foreign key's definition: the lists of columns, with what stands before them. */
const REFERRED = /(REFERENCES [^(]+)\(([^)]*)\)/;
const REFERRING = /(FOREIGN KEY )\(([^)]*)\)/;

function columnsOf({ definition }: Constraint, part: RegExp): readonly string[] {
  const list = part.exec(definition)?.[2] ?? "";
  return list.split(",").map((column) => column.trim().replaceAll('"', ""));
}

/** Foreign keys of other tables to the column: they refer to the twin from the contract on, checked beside the traffic. */
function moveReferences(draft: PlanDraft, table: TableDraft, old: string): void {
  if (table.base === null) return;
  for (const { table: other, constraint } of referencesTo(draft.catalog, table.base)) {
    if (!columnsOf(constraint, REFERRED).includes(old)) continue;
    table.beforeSwap.push(`ALTER TABLE ${qualified(other)} DROP CONSTRAINT ${ident(constraint.name)}`);
    const own = sameName(other, table.physical);
    table.afterSwap.push(() => {
      const names = columnsThen(table, "contract");
      const list = (part: RegExp): string =>
        columnsOf(constraint, part)
          .map((column) => ident(names.get(column) ?? column))
          .join(", ");
      const definition = constraint.definition
        .replace(/ NOT VALID$/, "")
        .replace(REFERRED, (_, before: string) => `${before}(${list(REFERRED)})`)
        .replace(REFERRING, (all, before: string) => (own ? `${before}(${list(REFERRING)})` : all));
      return `ALTER TABLE ${qualified(other)} ADD CONSTRAINT ${ident(constraint.name)} ${definition} NOT VALID`;
    });
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
}

interface DefaultMove {
  readonly old: string;
  readonly twin: string;
  readonly spec: TwinSpec;
  readonly identity: "always" | "by default" | null;
  readonly oldDefault: string | null;
}

/** The default, the sequence behind it or the identity go over to the twin with the contract. */
function moveDefault(table: TableDraft, { old, twin, spec, identity, oldDefault }: DefaultMove): void {
  const name = quoteTable(table);
  const sequence = /^nextval\('((?:[^']|'')+)'::regclass\)$/.exec(oldDefault ?? "")?.[1];
  if (identity !== null) {
    // The counter goes with the old column: where it stood is carried over inside of the transaction.
    table.beforeSwap.push(
      `SELECT set_config('hitless.next', nextval(pg_get_serial_sequence(${literal(name)}, ${literal(old)}))::text, true)`,
      `ALTER TABLE ${name} ALTER COLUMN ${ident(twin)} ADD GENERATED ${identity.toUpperCase()} AS IDENTITY`,
      `SELECT setval(pg_get_serial_sequence(${literal(name)}, ${literal(twin)}), current_setting('hitless.next')::bigint, false)`,
    );
    return;
  }
  if (sequence !== undefined) {
    table.beforeSwap.push(`ALTER SEQUENCE ${sequence} OWNED BY ${name}.${ident(twin)}`);
    if (/^(bigint|int8)$/.test(spec.type)) table.beforeSwap.push(`ALTER SEQUENCE ${sequence} AS bigint`);
  }
  if (spec.default !== null) {
    table.beforeSwap.push(`ALTER TABLE ${name} ALTER COLUMN ${ident(twin)} SET DEFAULT ${spec.default}`);
  }
}
