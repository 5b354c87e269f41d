import { child, children, opened, text, words } from "../ast.ts";
import type { Column } from "../catalog.ts";
import type { Node } from "../language.ts";
import { ident, literal, qualified } from "../names.ts";
import type { Sync } from "../source/annotations.ts";
import { oneLine, quoteTable, tableLabel } from "./alter.ts";
import { collationOf, typeText } from "./column-def.ts";
import { physicalNames, replaceSeen, seenColumn, type PlanDraft, type SeenColumn, type TableDraft } from "./draft.ts";
import { parseExpression } from "./expression.ts";
import { columnsThen } from "./final-names.ts";
import { annotated, said } from "./said.ts";
import { seeDifferently } from "./seen-differently.ts";
import { addTwin, fill, neverNull, sourcesOf } from "./twin.ts";
import { alwaysFits, isCatalogOnly, sameType } from "./types.ts";

interface Target {
  readonly seen: SeenColumn;
  readonly old: Column;
}

function target(draft: PlanDraft, table: TableDraft, name: string): Target | null {
  const seen = seenColumn(table, name);
  const old = seen === null ? undefined : table.all.get(seen.physical);
  if (seen !== null && old !== undefined) return { seen, old };
  draft.refuse("unknown-object", `${table.name.name} has no column ${name}`, []);
  return null;
}

/** #13: the release's view has the new name over the same column; nothing is copied. */
export function renameColumn(draft: PlanDraft, table: TableDraft, from: string, to: string): void {
  const found = target(draft, table, from);
  if (found === null) return;
  if (seenColumn(table, to) !== null) {
    draft.refuse("column-exists", `${table.name.name} already has a column ${to}`, []);
    return;
  }
  replaceSeen(table, from, (column) => ({ ...column, name: to }));
  seeDifferently(draft, table);
}

/** #12: the release's view leaves it out; new rows still need a value that the old release can read. */
export function dropColumn(draft: PlanDraft, table: TableDraft, name: string, missingOk: boolean): void {
  if (missingOk && seenColumn(table, name) === null) return;
  const found = target(draft, table, name);
  if (found === null) return;
  const { seen, old } = found;
  const down = said(draft, table, "down", name) ?? said(draft, table, "down", old.name);
  const given = old.default !== null || old.identity !== null || old.generated !== null;
  if (old.notNull && !given && down === undefined) {
    draft.refuse(
      "drop-not-null-column",
      `new rows would have no ${table.name.name}.${name}, which the running release still needs`,
      [
        `-- hitless: down ${annotated(table, name)} = <an expression over the columns that stay, or a value>`,
        `${draft.statement.text};`,
      ],
    );
    return;
  }
  table.columns = table.columns.filter((column) => column.name !== name);
  seeDifferently(draft, table);
  table.dropped.push(seen.physical);
  if (down !== undefined) syncDown(draft, table, old, down);
}

function syncDown(draft: PlanDraft, table: TableDraft, old: Column, down: Sync): void {
  const expression = parseExpression(draft.language, down.expression);
  const names = physicalNames(table);
  table.syncs.push({
    direction: "down",
    target: old.name,
    targetType: old.type,
    value: expression,
    names,
    sources: sourcesOf(table, expression, names),
    newColumns: sourcesOf(table, expression, names).map(({ name }) => name),
  });
}

/** #15, #16, #17. */
export function retypeColumn(draft: PlanDraft, table: TableDraft, name: string, def: Node): void {
  const found = target(draft, table, name);
  if (found === null) return;
  const { seen, old } = found;
  const type = typeText(draft, child(def, "typeName"));
  const collation = collationOf(def);
  const using = child(def, "raw_default");
  if (using === null || isPlainCast(draft, using, name, type)) {
    if (sameType(old.type, type) && collation === old.collation) return;
    if (collation === null && isCatalogOnly(draft.catalog, old.type, type)) {
      widen(draft, table, seen, type);
      return;
    }
  }
  retypeInTwo(draft, table, { seen, old }, { type, collation, using });
}

/** #16, #17: a second column, kept in step. */
function retypeInTwo(
  draft: PlanDraft,
  table: TableDraft,
  { seen, old }: Target,
  { type, collation, using }: { type: string; collation: string | null; using: Node | null },
): void {
  const { name } = seen;
  const up = said(draft, table, "up", name);
  if (up === undefined && !alwaysFits(draft.catalog, old.type, type) && !draft.accepts("retype-may-fail")) {
    refuseRetype(draft, table, seen, { from: old.type, to: type });
    return;
  }
  const down = said(draft, table, "down", name);
  const cast = (to: string, of: Node): Node => parseExpression(draft.language, `(${draft.language.deparse(of)})::${to}`);
  addTwin(draft, table, seen, {
    type,
    collation,
    notNull: seen.notNull,
    up: up === undefined ? cast(type, using ?? reference(old.name)) : parseExpression(draft.language, up.expression),
    down: down === undefined ? cast(old.type, reference(name)) : parseExpression(draft.language, down.expression),
    default: old.default === null || /^nextval\(/.test(old.default) ? old.default : castDefault(draft, old, type),
    same: up === undefined && using === null,
  });
}

const reference = (column: string): Node => ({ ColumnRef: { fields: [{ String: { sval: column } }] } });

/** A default keeps its value: `'0'::numeric` becomes `('0'::numeric)::bigint`. What was an enum's goes by its text, so that the enum may go. */
function castDefault({ catalog }: PlanDraft, old: Column, type: string): string {
  const value = old.default ?? "NULL";
  if (!catalog.types.some(({ kind, name }) => kind === "enum" && name === old.type.split(".").at(-1)))
    return `(${value})::${type}`;
  const label = /^('(?:[^']|'')*')::[\w."]+$/.exec(value)?.[1];
  return label === undefined ? `(${value})::text::${type}` : `${label}::${type}`;
}

/** `USING c::type` says nothing that the change itself does not. */
function isPlainCast(draft: PlanDraft, using: Node, column: string, type: string): boolean {
  const { kind, node } = opened(using);
  if (kind === "ColumnRef") return words(children(node, "fields")).at(-1) === column;
  if (kind !== "TypeCast") return false;
  const inner = opened(child(node, "arg") ?? {});
  const same = inner.kind === "ColumnRef" && words(children(inner.node, "fields")).at(-1) === column;
  return same && sameType(typeText(draft, child(node, "typeName")), type);
}

/** Wider than before, and nothing is rewritten: it may stay whatever becomes of the release. */
function widen(draft: PlanDraft, table: TableDraft, seen: SeenColumn, type: string): void {
  const readers = draft.catalog.views.filter(({ reads }) =>
    reads.some(({ schema, name }) => schema === table.physical.schema && name === table.physical.name),
  );
  if (readers.length > 0) {
    const names = readers.map((view) => qualified(view)).join(", ");
    draft.refuse("retype-under-view", `views stand on the table, and PostgreSQL changes no column under a view: ${names}`, [
      ...readers.map(
        (view) => `DROP VIEW ${qualified(view)}; -- and create it again after the change, in one migration of its own`,
      ),
    ]);
    return;
  }
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `widen ${table.name.name}.${seen.name} to ${type}`,
    run: {
      kind: "transaction",
      sql: [`ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(seen.physical)} TYPE ${type}`],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
  });
  replaceSeen(table, seen.name, (column) => ({ ...column, type }));
  const known = table.all.get(seen.physical);
  if (known !== undefined) table.all.set(seen.physical, { ...known, type });
  draft.notice(
    "prepared-statements",
    `a client that prepared a named statement with ${seen.name} in its result has to prepare it again`,
  );
}

function refuseRetype(
  draft: PlanDraft,
  table: TableDraft,
  { name }: SeenColumn,
  { from, to }: { from: string; to: string },
): void {
  draft.refuse(
    "retype-may-fail",
    `not every ${from} is a ${to}: a value that the running release writes could not be carried over, and its write would fail`,
    [
      `-- hitless: up ${annotated(table, name)} = <an expression that gives a ${to} for every ${from}>`,
      `${draft.statement.text};`,
      `-- or, if no client writes such values: -- hitless: accept retype-may-fail because <reason>`,
    ],
  );
}

/** #18: the old release's INSERTs keep their default; the new one's get theirs from its view. */
export function changeDefault(draft: PlanDraft, table: TableDraft, name: string, expression: Node | null): void {
  const found = target(draft, table, name);
  if (found === null) return;
  const sql = expression === null ? null : oneLine(draft.language.deparse(expression));
  const brought =
    table.base?.columns.every((column) => column.name !== found.seen.physical) === true && found.seen.physical === name;
  if (brought || draft.phase("contract") === "expand") {
    changeAtOnce(draft, table, found, sql);
    return;
  }
  replaceSeen(table, name, (column) => ({ ...column, viewDefault: sql, counted: false }));
  seeDifferently(draft, table);
  const then = (): string => ident(columnsThen(table, "contract").get(found.seen.physical) ?? name);
  table.afterSwap.push(
    () => `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${then()} ${sql === null ? "DROP DEFAULT" : `SET DEFAULT ${sql}`}`,
  );
}

function changeAtOnce(draft: PlanDraft, table: TableDraft, { seen, old }: Target, sql: string | null): void {
  const alter = `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(seen.physical)}`;
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `change the default of ${table.name.name}.${seen.name}`,
    run: { kind: "transaction", sql: [`${alter} ${sql === null ? "DROP DEFAULT" : `SET DEFAULT ${sql}`}`] },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`${alter} ${old.default === null ? "DROP DEFAULT" : `SET DEFAULT ${old.default}`}`],
  });
  table.all.set(seen.physical, { ...old, default: sql });
}

/** #20: rows and writers without a value get one, then PostgreSQL is told. */
export function setNotNull(draft: PlanDraft, table: TableDraft, name: string): void {
  const found = target(draft, table, name);
  if (found === null || found.seen.notNull) return;
  const { seen, old } = found;
  if (hasNotNullCheck(table, seen.physical)) {
    replaceSeen(table, name, (column) => ({ ...column, notNull: true }));
    table.beforeSwap.push(`ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(seen.physical)} SET NOT NULL`);
    return;
  }
  const up = said(draft, table, "up", name);
  const fallback = up?.expression ?? (seen.viewDefault === undefined ? old.default : seen.viewDefault);
  if (fallback === null && !draft.accepts("set-not-null")) {
    draft.refuse(
      "set-not-null",
      `rows, and writes of the running release, may have no ${table.name.name}.${name}: nothing says what they get`,
      [
        `-- hitless: up ${annotated(table, name)} = <a value, or an expression over the columns of the row>`,
        `${draft.statement.text};`,
        `-- or, if there are no nulls and no client writes any: -- hitless: accept set-not-null because <reason>`,
      ],
    );
    return;
  }
  if (fallback !== null) fillNulls(draft, table, seen, fallback);
  neverNull(draft, table, seen.physical);
  replaceSeen(table, name, (column) => ({ ...column, notNull: true }));
}

function hasNotNullCheck(table: TableDraft, column: string): boolean {
  const wanted = `CHECK ((${ident(column)} IS NOT NULL))`;
  return (
    table.base?.constraints.some(({ kind, validated, definition }) => kind === "check" && validated && definition === wanted) ===
    true
  );
}

function fillNulls(draft: PlanDraft, table: TableDraft, seen: SeenColumn, fallback: string): void {
  const expression = parseExpression(draft.language, fallback);
  const names = new Map([...table.all.keys()].map((column) => [column, column]));
  table.syncs.push({
    direction: "up",
    target: seen.physical,
    targetType: seen.type,
    value: expression,
    names,
    sources: [],
    newColumns: [],
    onlyNull: true,
  });
  fill(draft, table, seen.physical, { expression: fallback, computed: false });
}

/** #19: the new release writes nulls; what the old one reads instead has to be said. */
export function dropNotNull(draft: PlanDraft, table: TableDraft, name: string): void {
  const found = target(draft, table, name);
  if (found === null || !found.seen.notNull) return;
  const { seen, old } = found;
  const down = said(draft, table, "down", name);
  if (down !== undefined) {
    addTwin(draft, table, seen, {
      type: old.type,
      collation: old.collation,
      notNull: false,
      up: reference(old.name),
      down: parseExpression(draft.language, `COALESCE(${ident(name)}, ${down.expression})`),
      default: old.default,
    });
    return;
  }
  if (!draft.accepts("drop-not-null")) {
    draft.refuse(
      "drop-not-null",
      `the running release would read nulls from ${table.name.name}.${name}, which it has never seen there`,
      [
        `-- hitless: down ${annotated(table, name)} = <what the running release reads instead of null>`,
        `${draft.statement.text};`,
        `-- or, if it can read nulls: -- hitless: accept drop-not-null because <reason>`,
      ],
    );
    return;
  }
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `let ${table.name.name}.${name} be null`,
    run: {
      kind: "transaction",
      sql: [`ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${ident(seen.physical)} DROP NOT NULL`],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
  });
  replaceSeen(table, name, (column) => ({ ...column, notNull: false }));
}

/** #21: the counter starts behind what is there; ALWAYS would refuse the running release's own numbers until the contract. */
export function addIdentity(draft: PlanDraft, table: TableDraft, name: string, def: Node): void {
  const found = target(draft, table, name);
  if (found === null) return;
  const always = text(child(def, "Constraint") ?? {}, "generated_when") === "a";
  const column = ident(found.seen.physical);
  const on = quoteTable(table);
  draft.act({
    stage: "shape",
    phase: "expand",
    title: `number ${table.name.name}.${name} by itself`,
    run: {
      kind: "transaction",
      sql: [
        `ALTER TABLE ${on} ALTER COLUMN ${column} ADD GENERATED BY DEFAULT AS IDENTITY`,
        `SELECT setval(pg_get_serial_sequence(${literal(on)}, ${literal(found.seen.physical)}), GREATEST((SELECT max(${column}) FROM ${on}), 0) + 1, false)`,
      ],
    },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    undo: [`ALTER TABLE ${on} ALTER COLUMN ${column} DROP IDENTITY IF EXISTS`],
  });
  const then = (): string => ident(columnsThen(table, "contract").get(found.seen.physical) ?? name);
  if (always) table.afterSwap.push(() => `ALTER TABLE ${on} ALTER COLUMN ${then()} SET GENERATED ALWAYS`);
}
