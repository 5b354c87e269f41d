import type { Row, Rule, Side, SideColumn, TableChange, Value } from "./table-change.ts";

/** What each side must read of every row, by what has been written: there is no database in it. */
export class TableModel {
  #changes: readonly TableChange[];
  /** Whether nulls of the old side become something; null: for some they have. */
  #filling: boolean | null = false;
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
    const written = this.#filled(side, { ...this.#absent(side), ...given });
    this.#rows.set(id, this.#both(side, written, { ...this.#absent(other), ...computed(this.#rules(side), written) }));
  }

  update(side: Side, id: number, given: Row): void {
    const row = this.#row(id);
    const written = this.#filled(side, { ...row[side], ...given });
    const changed = (rule: Rule): boolean => rule.sources.some((name) => written[name] !== row[side][name]);
    const carried = computed(this.#rules(side).filter(changed), written);
    this.#rows.set(id, this.#both(side, written, { ...row[otherOf(side)], ...carried }));
  }

  /** As INSERT … ON CONFLICT does it with a row that is there: what it writes is what it would have inserted. */
  upsert(side: Side, id: number, given: Row): void {
    const proposed = this.#filled(side, { ...this.#absent(side), ...given });
    this.update(side, id, Object.fromEntries(Object.keys(given).map((name) => [name, proposed[name] ?? null])));
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

  /** Nulls become something at some time from here on, until it is known what they are. */
  doubt(): void {
    this.#filling = null;
  }

  /** Whether a null of the model may be another value in the database. */
  doubts(side: Side, name: string): boolean {
    return this.#filling === null && side === "old" && this.#fills().some(({ target }) => target === name);
  }

  /** What the old side's nulls have become. `filling`: whether those that follow do too. */
  settle(seen: ReadonlyMap<number, Row>, filling: boolean): void {
    this.#filling = filling;
    for (const { target } of this.#fills()) {
      for (const [id, row] of this.#rows) {
        const value = seen.get(id)?.[target] ?? null;
        if (row.old[target] !== null || value === null) continue;
        row.old = { ...row.old, [target]: value };
        const carried = this.#rules("old").filter(({ sources }) => sources.includes(target));
        row.next = { ...row.next, ...computed(carried, row.old) };
      }
    }
  }

  /** Nobody is left of the old side, and what the new one sees is what the next release changes. */
  begin(changes: readonly TableChange[]): void {
    this.#changes = changes;
    this.#filling = false;
    for (const row of this.#rows.values()) row.old = row.next;
    for (const row of this.#rows.values()) row.next = { ...this.#absent("next"), ...computed(this.#rules("old"), row.old) };
  }

  /** The new side is made anew from the old one; columns that nothing computes keep what they held. */
  expand(): void {
    const rules = this.#rules("old");
    for (const row of this.#rows.values()) row.next = { ...row.next, ...computed(rules, row.old) };
  }

  #fills(): readonly NonNullable<TableChange["fills"]>[number][] {
    return this.#changes.flatMap(({ fills }) => fills ?? []);
  }

  #filled(side: Side, row: Row): Row {
    if (side === "next" || this.#filling !== true) return row;
    const nulls = this.#fills().filter(({ target }) => row[target] === null);
    return { ...row, ...computed(nulls, row) };
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
const computed = (rules: readonly Pick<Rule, "target" | "value">[], row: Row): Record<string, Value> =>
  Object.fromEntries(rules.map(({ target, value }) => [target, value(row)]));
