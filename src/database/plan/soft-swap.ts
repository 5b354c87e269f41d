import { ident, keptName, qualified } from "../names.ts";
import { quoteTable } from "./alter.ts";
import { afterSwap, type PlanDraft, type SeenColumn, type SwapDraft, type TableDraft } from "./draft.ts";
import { sameNames, syncRoutines } from "./sync-triggers.ts";
import { serialDefault } from "./twin.ts";

/**
 * A soft contract gives the base table the release's names: its columns that go stay under reserved names, and the triggers keep them in step.
 * The release goes on with its view, which follows its columns. Null: it cannot be done; undefined: there is nothing to do.
 *
 * @param renamed the names that the contract gives, in its order
 */
export function swapOf(
  draft: PlanDraft,
  table: TableDraft,
  renamed: readonly (readonly [string, string])[],
): SwapDraft | null | undefined {
  if (table.name.schema !== table.physical.schema || changesOthers(table)) return null;
  const hidden = table.dropped.map((column) => [column, keptName(draft.release, column)] as const);
  const names = new Map([...table.columns.map(({ physical, name }) => [physical, name] as const), ...hidden]);
  const from = quoteTable(table);
  const to = qualified(table.name);
  const columns = [...hidden, ...renamed];
  const defaults = defaultsOf(draft, table, names);
  const tables =
    from === to
      ? []
      : [
          {
            there: `ALTER TABLE ${from} RENAME TO ${ident(table.name.name)}`,
            back: `ALTER TABLE ${to} RENAME TO ${ident(table.physical.name)}`,
          },
        ];
  if (columns.length === 0 && tables.length === 0 && defaults.base.length === 0) return undefined;
  const view = defaults.view.length === 0 ? [] : [`LOCK TABLE ${viewOf(draft, table)} IN ACCESS EXCLUSIVE MODE`];
  return {
    sql: [
      ...view,
      `LOCK TABLE ${from} IN ACCESS EXCLUSIVE MODE`,
      ...columns.map(([old, given]) => `ALTER TABLE ${from} RENAME COLUMN ${ident(old)} TO ${ident(given)}`),
      ...tables.map(({ there }) => there),
      ...defaults.base.map(({ there }) => there),
      ...syncRoutines(draft, table, (physical) => names.get(physical) ?? physical),
      ...defaults.view.map(({ there }) => there),
    ],
    undo: [
      ...view,
      `LOCK TABLE ${to} IN ACCESS EXCLUSIVE MODE`,
      ...defaults.view.map(({ back }) => back),
      ...syncRoutines(draft, table, sameNames),
      ...defaults.base.map(({ back }) => back),
      ...tables.map(({ back }) => back),
      ...columns.toReversed().map(([old, given]) => `ALTER TABLE ${from} RENAME COLUMN ${ident(given)} TO ${ident(old)}`),
    ],
  };
}

const viewOf = (draft: PlanDraft, { name }: TableDraft): string => qualified({ schema: draft.overlay, name: name.name });

/** Its contract has work to do on other tables too, by names that would not be theirs any more. */
function changesOthers(table: TableDraft): boolean {
  const own = `ALTER TABLE ${quoteTable(table)} `;
  return [...table.beforeSwap, ...afterSwap(table)].some((sql) => sql.startsWith("ALTER TABLE ") && !sql.startsWith(own));
}

interface ThereAndBack {
  readonly there: string;
  readonly back: string;
}

/** What an INSERT without the column gets: in the base as in the view; and in the view of a counter, which is found by its column's name. */
function defaultsOf(
  draft: PlanDraft,
  table: TableDraft,
  names: ReadonlyMap<string, string>,
): { readonly base: readonly ThereAndBack[]; readonly view: readonly ThereAndBack[] } {
  const given = table.columns.filter(({ viewDefault }) => viewDefault !== undefined);
  const base = given.filter((column) => counterOf(table, column) === undefined);
  const to = qualified(table.name);
  return {
    base: base.map(({ name, physical, viewDefault }) => ({
      there: setDefault(`TABLE ${to}`, name, viewDefault ?? null),
      back: setDefault(`TABLE ${to}`, name, table.all.get(physical)?.default ?? null),
    })),
    view: given.flatMap((column) => {
      const old = counterOf(table, column);
      if (old === undefined) return [];
      const view = `VIEW ${viewOf(draft, table)}`;
      const there = setDefault(view, column.name, serialDefault(table.name, names.get(old) ?? old));
      return [{ there, back: setDefault(view, column.name, serialDefault(table.physical, old)) }];
    }),
  };
}

/** The column of the base whose numbers the release's view draws; undefined: it draws none. */
export function counterOf({ physical, dropped }: TableDraft, { viewDefault }: SeenColumn): string | undefined {
  return dropped.find((old) => viewDefault === serialDefault(physical, old));
}

function setDefault(relation: string, column: string, value: string | null): string {
  return `ALTER ${relation} ALTER COLUMN ${ident(column)} ${value === null ? "DROP DEFAULT" : `SET DEFAULT ${value}`}`;
}
