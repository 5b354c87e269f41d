import type { Column } from "../catalog.ts";
import { fitted, ident, qualified, type ObjectName } from "../names.ts";
import { quoteTable, tableLabel } from "./alter.ts";
import { carryOverView } from "./carry-over.ts";
import { afterSwap, type PlanDraft, type SeenColumn, type TableDraft } from "./draft.ts";
import { columnsThen } from "./final-names.ts";
import { counterOf, swapOf } from "./soft-swap.ts";
import { addSyncs } from "./sync-triggers.ts";

/** What every statement has left to do for a table, once all are known: its triggers, its view, its contract. */
export function finishTable(draft: PlanDraft, table: TableDraft): void {
  if (table.base === null) return;
  const triggers = addSyncs(draft, table);
  if (table.seenDifferently) addView(draft, table);
  swap(draft, table, triggers);
}

/** A view of the table as this release sees it. `invoker`: whoever reads it must be able to read the table. */
export function tableViewSql(table: TableDraft, name: ObjectName, invoker: boolean): readonly string[] {
  const view = qualified(name);
  const columns = table.columns.map(({ name, physical }) =>
    name === physical ? ident(name) : `${ident(physical)} AS ${ident(name)}`,
  );
  const defaults = table.columns.flatMap(({ name, physical, viewDefault }) => {
    const value = viewDefault === undefined ? defaultOf(table.all.get(physical)) : viewDefault;
    return value === null ? [] : [`ALTER VIEW ${view} ALTER COLUMN ${ident(name)} SET DEFAULT ${value}`];
  });
  const options = invoker ? " WITH (security_invoker = true)" : "";
  return [`CREATE OR REPLACE VIEW ${view}${options} AS SELECT ${columns.join(", ")} FROM ${quoteTable(table)}`, ...defaults];
}

/** Columns stand in the order that they will have after the contract. */
function addView(draft: PlanDraft, table: TableDraft): void {
  const view = qualified(viewName(draft, table));
  const order = [...table.all.keys()];
  table.columns.sort((one, other) => order.indexOf(one.physical) - order.indexOf(other.physical));
  draft.act({
    stage: "overlay",
    phase: "expand",
    title: `show release r${String(draft.release)} its ${table.name.name}`,
    run: {
      kind: "transaction",
      sql: [
        ...tableViewSql(table, viewName(draft, table), hasInvokers(draft)),
        carryOverView(table.physical, viewName(draft, table), seenAs(table)),
      ],
    },
    table: null,
    lock: null,
    work: "instant",
    undo: [`DROP VIEW IF EXISTS ${view}`],
  });
  draft.act({
    stage: isMoved(table) ? "unview" : "drop",
    phase: "contract",
    title: `let release r${String(draft.release)} see ${table.name.name} itself`,
    run: { kind: "transaction", sql: isMoved(table) ? [] : [`DROP VIEW IF EXISTS ${view}`] },
    table: null,
    lock: null,
    work: "instant",
  });
  // The table gets the view's own name.
  if (isMoved(table)) table.beforeSwap.unshift(`DROP VIEW IF EXISTS ${view}`);
  // The view asks for numbers by a name that the table then has no more, and the table gives them itself.
  for (const { name } of counters(table)) table.afterSwap.push(`ALTER VIEW ${view} ALTER COLUMN ${ident(name)} DROP DEFAULT`);
}

/** Since PostgreSQL 15. */
export const hasInvokers = ({ catalog }: PlanDraft): boolean => catalog.version >= 150_000;

const isMoved = ({ name, physical }: TableDraft): boolean => name.schema !== physical.schema;

function viewName(draft: PlanDraft, table: TableDraft): ObjectName {
  return { schema: isMoved(table) ? table.name.schema : draft.overlay, name: table.name.name };
}

/** Columns of the base with what the view calls them; one that has a twin is seen as that. */
function seenAs(table: TableDraft): ReadonlyMap<string, string> {
  const names = columnsThen(table, "contract");
  return new Map((table.base?.columns ?? []).map(({ name }) => [name, names.get(name) ?? name]));
}

const counters = (table: TableDraft): readonly SeenColumn[] =>
  table.columns.filter((column) => counterOf(table, column) !== undefined);

function defaultOf(column: Column | undefined): string | null {
  return column === undefined || column.identity !== null || column.generated !== null ? null : column.default;
}

/** One short transaction that takes the lock once: triggers go, old columns go, new names are given. */
function swap(draft: PlanDraft, table: TableDraft, dropTriggers: readonly string[]): void {
  const name = quoteTable(table);
  const dropped = table.dropped.map((column) => `ALTER TABLE ${name} DROP COLUMN IF EXISTS ${ident(column)}`);
  const renamed = renames(table).map(([from, to]) => `ALTER TABLE ${name} RENAME COLUMN ${ident(from)} TO ${ident(to)}`);
  const moved = [
    ...(!isMoved(table) ? [] : [`ALTER TABLE ${name} SET SCHEMA ${ident(table.name.schema)}`]),
    ...(table.name.name === table.physical.name
      ? []
      : [
          `ALTER TABLE ${qualified({ schema: table.name.schema, name: table.physical.name })} RENAME TO ${ident(table.name.name)}`,
        ]),
  ];
  const sql = [...dropTriggers, ...table.beforeSwap, ...dropped, ...renamed, ...afterSwap(table), ...moved];
  if (sql.length === 0) return;
  // In the order in which a query takes them: who waits for the view does not hold it.
  const isChanged = table.seenDifferently && (isMoved(table) || counters(table).length > 0);
  const views = isChanged ? [qualified(viewName(draft, table))] : [];
  const locks = [...views, name].map((relation) => `LOCK TABLE ${relation} IN ACCESS EXCLUSIVE MODE`);
  draft.act({
    stage: "swap",
    phase: "contract",
    title: `make ${table.name.name} what release r${String(draft.release)} sees`,
    run: { kind: "transaction", sql: [...locks, ...sql] },
    table: tableLabel(table),
    lock: "ACCESS EXCLUSIVE",
    work: "instant",
    swap: swapOf(draft, table, renames(table)),
  });
}

/** In an order in which no name is taken when it is given; names that change places go through a third one. */
function renames(table: TableDraft): readonly (readonly [string, string])[] {
  let open = table.columns
    .filter(({ name, physical }) => name !== physical)
    .map(({ physical, name }) => [physical, name] as const);
  const done: (readonly [string, string])[] = [];
  while (open.length > 0) {
    const free = open.find(([, to]) => open.every(([from]) => from !== to));
    const [from, to] = free ?? open[0] ?? ["", ""];
    const given = free === undefined ? fitted(`${from}__moving`) : to;
    done.push([from, given]);
    open = open.flatMap((one) => (one[0] !== from ? [one] : free === undefined ? [[given, to] as const] : []));
  }
  return done;
}
