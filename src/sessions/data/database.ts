import type { Entry } from "./entry.ts";

/** One of the numbered databases. */
export class Database {
  readonly number: number;
  readonly entries = new Map<string, Entry>();
  /** Keys that expire. */
  expiring = 0;
  /** Changed keys (deleted ones too) whose change is not yet safe on disk, with the batch of the log it is in. */
  readonly unsettled = new Map<string, number>();
  /** The batch in which everything was deleted, while that is not safe; else 0. */
  clearedIn = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** Everything up to this batch is safe. */
  settle(batch: number): void {
    if (this.clearedIn <= batch) this.clearedIn = 0;
    for (const [key, changedIn] of this.unsettled) if (changedIn <= batch) this.unsettled.delete(key);
  }
}
