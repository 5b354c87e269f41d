import { child, children, mapped, text, words } from "../ast.ts";
import type { Node } from "../language.ts";
import { sameName, type ObjectName } from "../names.ts";
import type { Action } from "./action.ts";
import type { PlanDraft, TableDraft } from "./draft.ts";
import { rebound } from "./expression.ts";

type Phase = Action["phase"];

/** What the table is called when the phase runs. Asked when all statements are planned: a later one may rename it. */
export function tableThen(table: TableDraft, phase: Phase): ObjectName {
  return phase === "contract" ? table.name : table.physical;
}

/** The same of a table of the base that is named elsewhere. */
export function baseThen(draft: PlanDraft, base: ObjectName, phase: Phase): ObjectName {
  const table = draft.tables.find(({ physical }) => sameName(physical, base));
  return table === undefined ? base : tableThen(table, phase);
}

/** Physical columns with what they are called when the phase runs; one that has a twin by then is its twin. */
export function columnsThen(table: TableDraft, phase: Phase): ReadonlyMap<string, string> {
  const seen = new Map(table.columns.map(({ physical, name }) => [physical, name]));
  const latest = (column: string): string => {
    const twin = table.twins.get(column);
    return twin === undefined ? column : latest(twin);
  };
  const named = (column: string): string => (phase === "contract" ? (seen.get(column) ?? column) : column);
  return new Map([...table.all.keys()].map((column) => [column, named(latest(column))]));
}

/** Columns of the base, by their names there, that only get another name. */
export function renamedColumns({ base, columns }: TableDraft): readonly string[] {
  const known = new Set(base?.columns.map(({ name }) => name));
  return columns.filter(({ name, physical }) => name !== physical && known.has(physical)).map(({ physical }) => physical);
}

/** The constraint with its columns under other names. */
export function renamedConstraint(constraint: Node, names: ReadonlyMap<string, string>): Node {
  const keys = (key: string): Node => {
    const list = children(constraint, key);
    return list.length === 0 ? {} : { [key]: words(list).map((name) => ({ String: { sval: names.get(name) ?? name } })) };
  };
  const expression = child(constraint, "raw_expr");
  return {
    ...constraint,
    ...keys("keys"),
    ...keys("fk_attrs"),
    ...keys("including"),
    ...(expression === null ? {} : { raw_expr: rebound(expression, names) }),
  };
}

/** The index with its columns under other names. */
export function renamedIndex(index: Node, names: ReadonlyMap<string, string>): Node {
  return mapped(rebound(index, names), (kind, fields) =>
    kind === "IndexElem" && text(fields, "name") !== ""
      ? { ...fields, name: names.get(text(fields, "name")) ?? text(fields, "name") }
      : fields,
  ) as Node;
}
