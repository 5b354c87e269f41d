import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified } from "../names.ts";
import type { Action } from "./action.ts";
import { alterSql, freeName, quoteTable, tableLabel } from "./alter.ts";
import { columnDef, isVolatile, type ColumnDef } from "./column-def.ts";
import { addConstraint } from "./constraints.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { parseExpression, rebound, rowExpression } from "./expression.ts";
import { columnsThen } from "./final-names.ts";
import { annotated, said } from "./said.ts";
import { seeDifferently } from "./seen-differently.ts";
import { refuseStars } from "./stars.ts";
import { takeOver } from "./take-over.ts";
import { fill, neverNull, sourcesOf } from "./twin.ts";

/** ADD COLUMN on a table that is in use: what is O(1) at once, the rest beside the traffic. */
export function addColumn(draft: PlanDraft, table: TableDraft, def: Node): void {
  const column = columnDef(draft, def);
  if (table.all.has(column.name)) {
    draft.refuse("column-exists", `${table.name.name} already has a column ${column.name}`, []);
    return;
  }
  refuseStars(draft, table);
  const up = said(draft, table, "up", column.name);
  if (needsValue(column) && up === undefined && table.base?.rows !== 0) {
    refuseNotNull(draft, table, column);
    return;
  }
  const plain = isPlain(draft, column) && up === undefined;
  addPlain(draft, table, column, plain);
  if (column.serial !== null || column.identity !== null) addSerial(draft, table, column);
  else if (column.generated?.kind === "stored") addStored(draft, table, column, column.generated.expression);
  else if (up !== undefined) addFromOld(draft, table, column, parseExpression(draft.language, up.expression));
  else if (!plain && column.default !== null) addVolatile(draft, table, column, column.default);
  addInline(draft, table, column);
}

function needsValue(column: ColumnDef): boolean {
  const given = column.default !== null || column.generated !== null || column.serial !== null || column.identity !== null;
  return column.notNull && !given;
}

/** Adding it with its default and NOT NULL only changes the catalog. */
function isPlain(draft: PlanDraft, column: ColumnDef): boolean {
  if (column.serial !== null || column.identity !== null || column.generated?.kind === "stored") return false;
  return column.default === null || !isVolatile(draft, column.default);
}

function addPlain(draft: PlanDraft, table: TableDraft, column: ColumnDef, whole: boolean): void {
  const name = quoteTable(table);
  const virtual = column.generated?.kind === "virtual";
  if (virtual && draft.catalog.version < 180_000) {
    draft.refuse("generated-column", "virtual generated columns exist since PostgreSQL 18", [
      `ALTER TABLE ${name} ADD COLUMN ${ident(column.name)} ${column.type} GENERATED ALWAYS AS (…) STORED`,
    ]);
    return;
  }
  const quoted = ident(column.name);
  const add = (there: string): string => `ALTER TABLE ${name} ADD COLUMN ${there}${definition(draft, column, whole)}`;
  const left = takeOver(draft, { ...table.physical, column: column.name }, whole ? add("") : null);
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `add ${table.name.name}.${column.name}`,
    run: {
      kind: "transaction",
      sql: [
        ...(left === "empty" ? [`ALTER TABLE ${name} DROP COLUMN ${quoted}`] : []),
        add(left === "same" ? "IF NOT EXISTS " : ""),
      ],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${name} DROP COLUMN IF EXISTS ${quoted}`],
    ...(whole && !virtual ? ownData(draft, table, column) : {}),
  });
  const text = column.default === null || !whole ? null : draft.language.deparse(column.default);
  table.all.set(column.name, {
    name: column.name,
    type: column.type,
    notNull: whole && column.notNull,
    default: text,
    identity: null,
    generated: virtual ? "virtual" : null,
    collation: column.collation,
    nullFraction: text === null ? 1 : 0,
  });
  table.columns = [...table.columns, { name: column.name, physical: column.name, type: column.type, notNull: column.notNull }];
}

function definition(draft: PlanDraft, column: ColumnDef, whole: boolean): string {
  const { language } = draft;
  const collate = column.collation === null ? "" : ` COLLATE ${column.collation}`;
  const plain = `${ident(column.name)} ${column.type}${collate}`;
  if (!whole) return plain;
  if (column.generated?.kind === "virtual")
    return `${plain} GENERATED ALWAYS AS (${language.deparse(column.generated.expression)}) VIRTUAL`;
  if (column.default === null) return plain;
  return `${plain} DEFAULT ${language.deparse(column.default)}${column.notNull ? " NOT NULL" : ""}`;
}

/** What only this release has written is nowhere else. */
function ownData(draft: PlanDraft, table: TableDraft, column: ColumnDef): Pick<Action, "keeps" | "keepIf"> {
  const test = column.default === null ? "NOT NULL" : `DISTINCT FROM (${draft.language.deparse(column.default)})`;
  return {
    keeps: { ...table.physical, column: column.name },
    keepIf: `SELECT EXISTS (SELECT FROM ${quoteTable(table)} WHERE ${ident(column.name)} IS ${test}) AS keep`,
  };
}

/** #4: the default first, for new rows; the old rows batch by batch. */
function addVolatile(draft: PlanDraft, table: TableDraft, column: ColumnDef, expression: Node): void {
  const text = draft.language.deparse(expression);
  setDefault(draft, table, column.name, text);
  fill(draft, table, column.name, { expression: text, computed: false });
  if (column.notNull) neverNull(draft, table, column.name);
}

function setDefault(draft: PlanDraft, table: TableDraft, column: string, expression: string): void {
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `give new rows their ${table.name.name}.${column}`,
    run: {
      kind: "transaction",
      sql: [`ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(column)} SET DEFAULT ${expression}`],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [],
  });
  const known = table.all.get(column);
  if (known !== undefined) table.all.set(column, { ...known, default: expression });
}

/** #5: a sequence of our own counts until every row has a number; then it hands over to the one that belongs to the column. */
function addSerial(draft: PlanDraft, table: TableDraft, column: ColumnDef): void {
  const own = column.identity === null;
  const sequence = {
    schema: table.physical.schema,
    name: fitted(
      own ? `${table.name.name}_${column.name}_seq` : `${table.name.name}_${column.name}_r${String(draft.release)}_seq`,
    ),
  };
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `make a counter for ${table.name.name}.${column.name}`,
    run: {
      kind: "transaction",
      sql: [
        `CREATE SEQUENCE ${qualified(sequence)} AS ${column.type}`,
        `ALTER SEQUENCE ${qualified(sequence)} OWNED BY ${quoteTable(table)}.${ident(column.name)}`,
        `GRANT USAGE ON SEQUENCE ${qualified(sequence)} TO PUBLIC`,
      ],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP SEQUENCE IF EXISTS ${qualified(sequence)} CASCADE`],
  });
  const next = `nextval(${literal(qualified(sequence))}::regclass)`;
  setDefault(draft, table, column.name, next);
  fill(draft, table, column.name, { expression: next, computed: false });
  neverNull(draft, table, column.name);
  if (column.identity === null) return;
  const name = quoteTable(table);
  const quoted = ident(column.name);
  table.beforeSwap.push(
    `ALTER TABLE ${name} ALTER COLUMN ${quoted} DROP DEFAULT, ALTER COLUMN ${quoted} ADD GENERATED ${column.identity.toUpperCase()} AS IDENTITY`,
    `SELECT setval(pg_get_serial_sequence(${literal(name)}, ${literal(column.name)}), nextval(${literal(qualified(sequence))}), false)`,
    `DROP SEQUENCE ${qualified(sequence)}`,
  );
}

/** #6: PostgreSQL cannot make an existing column a generated one: a trigger computes it, for as long as the column lives. */
function addStored(draft: PlanDraft, table: TableDraft, column: ColumnDef, expression: Node): void {
  const name = fitted(`${table.name.name}_${column.name}_generated`);
  const routine = qualified({ schema: table.physical.schema, name });
  const names = new Map([...table.all.keys()].map((key) => [key, key]));
  const body = `BEGIN\n  NEW.${ident(column.name)} := ${rowExpression(draft.language, expression, names)};\n  RETURN NEW;\nEND`;
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `compute ${table.name.name}.${column.name} in a trigger`,
    run: {
      kind: "transaction",
      sql: [
        `CREATE OR REPLACE FUNCTION ${routine}() RETURNS trigger LANGUAGE plpgsql AS ${literal(body)}`,
        `CREATE TRIGGER ${ident(name)} BEFORE INSERT OR UPDATE ON ${quoteTable(table)} FOR EACH ROW EXECUTE FUNCTION ${routine}()`,
      ],
    },
    table: tableLabel(table),
    lock: "SHARE ROW EXCLUSIVE",
    work: "instant",
    undo: [`DROP FUNCTION IF EXISTS ${routine}() CASCADE`],
  });
  fill(draft, table, column.name, { expression: draft.language.deparse(rebound(expression, names)), computed: true });
  if (column.notNull) neverNull(draft, table, column.name);
  draft.notice(
    "generated-column",
    `${table.name.name}.${column.name} becomes a plain column that a trigger computes: adding it as GENERATED … STORED would rewrite the table`,
  );
}

/** A column whose value the old release's rows already hold: `-- hitless: up …`. */
function addFromOld(draft: PlanDraft, table: TableDraft, column: ColumnDef, up: Node): void {
  const names = new Map([...table.all.keys()].map((name) => [name, name]));
  table.syncs.push({
    direction: "up",
    target: column.name,
    targetType: column.type,
    value: up,
    names,
    sources: sourcesOf(table, up, names),
    newColumns: [column.name],
  });
  fill(draft, table, column.name, { expression: draft.language.deparse(rebound(up, names)), computed: true });
  if (column.notNull) neverNull(draft, table, column.name);
  if (column.default !== null) {
    const text = draft.language.deparse(column.default);
    const then = (): string => ident(columnsThen(table, "contract").get(column.name) ?? column.name);
    table.afterSwap.push(() => `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${then()} SET DEFAULT ${text}`);
    table.columns = table.columns.map((seen) => (seen.name === column.name ? { ...seen, viewDefault: text } : seen));
    seeDifferently(draft, table);
  }
}

function addInline(draft: PlanDraft, table: TableDraft, column: ColumnDef): void {
  const keys = [{ String: { sval: column.name } }];
  const named = (constraint: Node, suffix: string): Node => ({
    ...constraint,
    conname: constraint["conname"] ?? freeName(table, column.name, suffix),
  });
  for (const check of column.checks) addConstraint(draft, table, named(check, "check"), "expand");
  for (const unique of column.unique) addConstraint(draft, table, { ...named(unique, "key"), keys }, "expand");
  if (column.primary)
    addConstraint(draft, table, { contype: "CONSTR_PRIMARY", conname: freeName(table, "pkey"), keys }, "contract");
  for (const foreign of column.references) {
    addConstraint(draft, table, { ...named(foreign, "fkey"), fk_attrs: keys }, "expand");
  }
}

function refuseNotNull(draft: PlanDraft, table: TableDraft, column: ColumnDef): void {
  const name = `${table.name.name}.${column.name}`;
  draft.refuse(
    "not-null-without-value",
    `the rows that are there, and those that the running release goes on to insert, have no value for ${name}`,
    [
      `-- hitless: up ${annotated(table, column.name)} = <an expression over the columns of ${table.name.name}>`,
      draft.statement.text + ";",
      `-- or: ${alterSql(draft, table.name, [])} ADD COLUMN ${ident(column.name)} ${column.type} NOT NULL DEFAULT <value>;`,
    ],
  );
}
