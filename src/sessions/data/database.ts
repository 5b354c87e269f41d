import type { Entry } from "./entry.ts";

/** One of the numbered databases. */
export class Database {
  readonly number: number;
  readonly entries = new Map<string, Entry>();
  /** Keys that expire. */
  expiring = 0;
  /** The batch in which everything was deleted, while that is not safe; else 0. */
  clearedIn = 0;
  /** Changed keys (deleted ones too) whose change is not yet safe on disk, with the batch of the log it is in. */
  readonly #unsettled = new Map<string, number>();
  #changedIn = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** A key was changed; it is safe when this batch is. */
  noteChange(key: string, batch: number): void {
    this.#unsettled.set(key, batch);
    this.#changedIn = batch;
  }

  /** The batch that tells all there is of a key; 0 if it is safe. */
  unsettledIn(key: string): number {
    if (this.#unsettled.size === 0) return this.clearedIn;
    return Math.max(this.#unsettled.get(key) ?? 0, this.clearedIn);
  }

  /** Everything up to this batch is safe. */
  settle(batch: number): void {
    if (this.clearedIn <= batch) this.clearedIn = 0;
    if (this.#unsettled.size === 0) return;
    if (this.#changedIn <= batch) this.#unsettled.clear();
    else for (const [key, changedIn] of this.#unsettled) if (changedIn <= batch) this.#unsettled.delete(key);
  }
}
