import type { Database } from "./database.ts";
import type { Entry } from "./entry.ts";

type Entries = Iterator<[string, Entry], undefined>;

/** So many scans go on where they stood; one more begins to search for its place from the front. */
const KEPT_MAX = 64;

/**
 * Where SCAN goes on. Keys come in the order in which they were added, so that a key which is there all the time is seen exactly once. A cursor is the number of
 * the last key that was given; the place of the latest ones is remembered, since finding it again takes a walk over all keys before it.
 */
export class ScanCursors {
  readonly #kept = new Map<string, Entries>();

  /** Up to `count` entries behind the cursor, and the cursor for the next call: "0" at the end. */
  read(database: Database, cursor: string, count: number): { readonly next: string; readonly items: [string, Entry][] } {
    const iterator = this.#at(database, cursor);
    const items: [string, Entry][] = [];
    for (let result = iterator.next(); result.done !== true; result = iterator.next()) {
      items.push(result.value);
      if (items.length >= count) return { next: this.#keep(database, result.value[1].order, iterator), items };
    }
    return { next: "0", items };
  }

  forget(database: Database): void {
    for (const id of this.#kept.keys()) if (id.startsWith(`${database.number}:`)) this.#kept.delete(id);
  }

  #at(database: Database, cursor: string): Entries {
    const id = `${database.number}:${cursor}`;
    const kept = this.#kept.get(id);
    this.#kept.delete(id);
    if (cursor === "0") return database.entries.entries();
    return kept ?? behind(database, Number(cursor));
  }

  #keep(database: Database, order: number, iterator: Entries): string {
    const cursor = String(order);
    this.#kept.set(`${database.number}:${cursor}`, iterator);
    if (this.#kept.size > KEPT_MAX) {
      for (const id of this.#kept.keys()) {
        this.#kept.delete(id);
        break;
      }
    }
    return cursor;
  }
}

function* behind(database: Database, order: number): Generator<[string, Entry], undefined> {
  for (const item of database.entries) if (item[1].order > order) yield item;
}
