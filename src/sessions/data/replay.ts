import type { Database } from "./database.ts";
import type { Effects } from "./effects.ts";
import { flat, type Keyspace } from "./keyspace.ts";

/** Applies effects from a log to a keyspace. They may have been applied before in part, so nothing is taken for granted. */
export class Replay implements Effects {
  readonly #keyspace: Keyspace;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  set(database: number, key: string, value: string, at: number): void {
    this.#keyspace.set(this.#database(database), key, value, at);
  }

  remove(database: number, key: string): void {
    this.#keyspace.remove(this.#database(database), key);
  }

  expire(database: number, key: string, at: number): void {
    const entry = this.#database(database).entries.get(key);
    if (entry !== undefined) this.#keyspace.setExpiry(this.#database(database), key, entry, at);
  }

  append(database: number, key: string, offset: number, tail: string): void {
    const entry = this.#database(database).entries.get(key);
    const old = typeof entry?.value === "string" ? entry.value : "";
    this.#keyspace.set(this.#database(database), key, flat(old.slice(0, offset) + tail), entry?.expireAt ?? 0);
  }

  setFields(database: number, key: string, fields: readonly string[]): void {
    this.#keyspace.setFields(this.#database(database), key, fields);
  }

  removeFields(database: number, key: string, names: readonly string[]): void {
    const hash = this.#database(database).entries.get(key)?.value;
    if (hash !== undefined && typeof hash !== "string") this.#keyspace.removeFields(this.#database(database), key, hash, names);
  }

  clear(database: number): void {
    this.#keyspace.clear(this.#database(database));
  }

  #database(number: number): Database {
    const found = this.#keyspace.databases[number];
    if (found === undefined) throw new RangeError(`There is no database ${number}`);
    return found;
  }
}
