import type { Database } from "./database.ts";
import type { Entry } from "./entry.ts";
import type { Keyspace } from "./keyspace.ts";

/** The keyspace is gone through about once in so many turns (of 100 ms each), and at least so many keys a turn. */
const TURNS_PER_ROUND = 600;
const KEYS_PER_TURN = 200;

/** Finds expired keys that nobody asks for, a few at a time, round and round. */
export class Sweeper {
  readonly #keyspace: Keyspace;
  #database = 0;
  #iterator: Iterator<[string, Entry]> | null = null;
  #soonest = Number.POSITIVE_INFINITY;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  turn(): void {
    this.#keyspace.now = Date.now();
    this.#visit(Math.max(KEYS_PER_TURN, Math.ceil(this.#keyspace.size / TURNS_PER_ROUND)), () => false);
  }

  /** Makes room at once, until `enough`; nothing is done while it is known that nothing has expired. */
  makeRoom(enough: () => boolean): void {
    const { soonest, now, size } = this.#keyspace;
    if (soonest > now) return;
    // From wherever it stands: a whole round, and the rest of the one that has begun.
    this.#visit(2 * size + 2, enough);
  }

  #visit(keys: number, enough: () => boolean): void {
    for (let left = keys; left > 0 && !enough();) {
      const database = this.#keyspace.databases[this.#database];
      if (database === undefined) return;
      this.#iterator ??= database.entries.entries();
      const { done, value } = this.#iterator.next() as IteratorResult<[string, Entry], undefined>;
      if (done === true) {
        if (this.#nextDatabase()) left -= 1;
        continue;
      }
      left -= 1;
      this.#look(database, value[0], value[1].expireAt);
    }
  }

  #look(database: Database, key: string, expireAt: number): void {
    if (expireAt === 0) return;
    if (expireAt <= this.#keyspace.now) this.#keyspace.expire(database, key);
    else if (expireAt < this.#soonest) this.#soonest = expireAt;
  }

  /** True at the end of a round. */
  #nextDatabase(): boolean {
    this.#iterator = null;
    this.#database += 1;
    if (this.#database < this.#keyspace.databases.length) return false;
    this.#database = 0;
    // What was set meanwhile, the round may not have seen.
    this.#keyspace.soonest = Math.min(this.#soonest, this.#keyspace.noted);
    this.#keyspace.noted = Number.POSITIVE_INFINITY;
    this.#soonest = Number.POSITIVE_INFINITY;
    return true;
  }
}
