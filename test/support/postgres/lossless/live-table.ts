import type { RandomTable, TableStep } from "./random-table.ts";
import type { TableRoutine } from "./routines.ts";
import type { Side } from "./table-change.ts";
import { TableModel } from "./table-model.ts";

/** How one release sees a table: by what name, and by which column it finds a row. */
export interface Seat {
  readonly side: Side;
  readonly table: string;
  readonly key: string;
  readonly routine: TableRoutine | null;
}

/** A table through its releases, with what each of them must read of it. */
export class LiveTable {
  readonly table: RandomTable;
  readonly model: TableModel;
  /** Of `table.steps`: the one whose change set is there, or was last. */
  #place = 0;
  /** The release that brought it; null: none has yet. */
  #release: number | null = null;

  constructor(table: RandomTable) {
    this.table = table;
    this.model = new TableModel(table.steps[0]?.changes ?? []);
  }

  /** Null: no release has changed it, or none that is not contracted. */
  get pending(): number | null {
    return this.#release;
  }

  get step(): TableStep {
    const step = this.table.steps[this.#place];
    if (step === undefined) throw new Error(`${this.table.name} has no release ${String(this.#place)}`);
    return step;
  }

  /** What the next release of it brings. */
  get coming(): TableStep {
    return (this.#release === null ? null : this.table.steps[this.#place + 1]) ?? this.step;
  }

  seat(release: number | null): Seat {
    const side = this.#release !== null && release !== null && release >= this.#release ? "next" : "old";
    const { names, key, routines } = this.step;
    return { side, table: names[side], key: key[side], routine: routines?.[side] ?? null };
  }

  /** What has to be so in the database now that the contract of the last step is over. */
  get holds(): readonly string[] {
    const { changes, names } = this.table.steps[this.#place - 1] ?? { changes: [], names: null };
    return changes.flatMap(({ holds }) => (holds === undefined || names === null ? [] : [holds(names.next)]));
  }

  expand(release: number): void {
    this.model.expand();
    this.#release = release;
  }

  revert(): void {
    this.#release = null;
  }

  /** Its change set was contracted: from now on there is one way to see it, which the next release changes. */
  contract(): void {
    this.#release = null;
    this.#place++;
    const following = this.table.steps[this.#place];
    if (following !== undefined) this.model.begin(following.changes);
  }
}
