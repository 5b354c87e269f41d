import { children, mapped, words } from "../ast.ts";
import type { Node } from "../language.ts";
import { fitted, ident, literal, qualified, type ObjectName } from "../names.ts";
import { keyOf, quoteTable, tableLabel, validate } from "./alter.ts";
import { carryOverColumn } from "./carry-over.ts";
import { physicalNames, replaceSeen, type PlanDraft, type SeenColumn, type TableDraft, type TwinSpec } from "./draft.ts";
import { rebound } from "./expression.ts";
import { seeDifferently } from "./seen-differently.ts";
import { refuseStars } from "./stars.ts";
import { sequenceOf } from "./twin-objects.ts";
import { comparable } from "./types.ts";

/**
 * A second column beside one that changes: filled from it, kept in step with it in both directions, with the same indexes and constraints.
 * The old release goes on with the old one; the contract drops that and gives its name to the twin.
 */
export function addTwin(draft: PlanDraft, table: TableDraft, seen: SeenColumn, wanted: TwinSpec): void {
  refuseStars(draft, table);
  const old = table.all.get(seen.physical);
  if (old === undefined) throw new Error(`${table.name.name} has no column ${seen.physical}`);
  const { spec, ...counting } = countedAs(table, seen, wanted);
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
    ...counting,
  }));
  seeDifferently(draft, table);
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
  table.twinned = { statement: draft.statement, specs: new Map([...(table.twinned?.specs ?? []), [twin, spec]]) };
}

/** Where its numbers come from: one is drawn for the old column anyway, and the twin takes that where it is no other. */
function countedAs(
  table: TableDraft,
  { physical, viewDefault, counted }: SeenColumn,
  wanted: TwinSpec,
): Pick<SeenColumn, "counted" | "viewDefault"> & { readonly spec: TwinSpec } {
  const origin = table.all.get(originOf(table, physical));
  const counts = origin !== undefined && (origin.identity !== null || sequenceOf(origin.default) !== undefined);
  const untouched = physical === origin?.name ? viewDefault === undefined : counted === true;
  if (!counts || !untouched) {
    const spec = viewDefault === undefined ? wanted : { ...wanted, default: viewDefault };
    return { spec, counted: false, viewDefault: spec.default };
  }
  const spec = { ...wanted, default: origin.identity === null ? origin.default : null };
  if (wanted.same === true) return { spec, counted: true, viewDefault: null };
  return { spec, counted: false, viewDefault: spec.default ?? serialDefault(table.physical, origin.name) };
}

/** The column of the base that it stands for in the end. */
function originOf(table: TableDraft, physical: string): string {
  const [from] = [...table.twins].find(([, twin]) => twin === physical) ?? [];
  return from === undefined ? physical : originOf(table, from);
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
