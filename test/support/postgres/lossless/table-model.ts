import type { Row, Rule, Side, SideColumn, TableChange, Value } from "./table-change.ts";

/** What each side must read of every row, by what has been written: there is no database in it. */
export class TableModel {
  readonly #changes: readonly TableChange[];
  readonly #rows = new Map<number, Record<Side, Row>>();

  constructor(changes: readonly TableChange[]) {
    this.#changes = changes;
  }

  columns(side: Side): readonly SideColumn[] {
    return this.#changes.flatMap((change) => change[side]);
  }

  get ids(): readonly number[] {
    return [...this.#rows.keys()];
  }

  /** In the order of their keys. */
  rows(side: Side): readonly Row[] {
    return [...this.#rows].sort(([one], [other]) => one - other).map(([id, row]) => ({ id, ...row[side] }));
  }

  insert(side: Side, id: number, given: Row): void {
    const other = otherOf(side);
    const written = { ...this.#absent(side), ...given };
    this.#rows.set(id, this.#both(side, written, { ...this.#absent(other), ...computed(this.#rules(side), written) }));
  }

  update(side: Side, id: number, given: Row): void {
    const row = this.#row(id);
    const written = { ...row[side], ...given };
    const changed = (rule: Rule): boolean => rule.sources.some((name) => written[name] !== row[side][name]);
    const carried = computed(this.#rules(side).filter(changed), written);
    this.#rows.set(id, this.#both(side, written, { ...row[otherOf(side)], ...carried }));
  }

  /** Another key for the row. */
  move(id: number, to: number): void {
    const row = this.#row(id);
    this.#rows.delete(id);
    this.#rows.set(to, row);
  }

  delete(id: number): void {
    this.#rows.delete(id);
  }

  /** The new side is made anew from the old one; columns that nothing computes keep what they held. */
  expand(): void {
    const rules = this.#rules("old");
    for (const row of this.#rows.values()) row.next = { ...row.next, ...computed(rules, row.old) };
  }

  #rules(writer: Side): readonly Rule[] {
    return this.#changes.flatMap(({ ups, downs }) => (writer === "old" ? ups : downs));
  }

  #absent(side: Side): Row {
    return Object.fromEntries(this.columns(side).map(({ name, absent }) => [name, absent ?? null]));
  }

  #both(side: Side, own: Row, other: Row): Record<Side, Row> {
    return side === "old" ? { old: own, next: other } : { old: other, next: own };
  }

  #row(id: number): Record<Side, Row> {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`there is no row ${String(id)}`);
    return row;
  }
}

const otherOf = (side: Side): Side => (side === "old" ? "next" : "old");
const computed = (rules: readonly Rule[], row: Row): Record<string, Value> =>
  Object.fromEntries(rules.map(({ target, value }) => [target, value(row)]));
