import { Database } from "./database.ts";
import type { Effects } from "./effects.ts";
import { Entry, fieldBytes, memoryOf, type Fields, type Value } from "./entry.ts";

export const DATABASES = 16;

/** Is told what happens; the log and the transactions that watch keys. */
export interface KeyspaceListener {
  /** Changes go here too. */
  effects(): Effects;
  onChange(database: Database, key: string): void;
  onExpired(database: Database, key: string): void;
  onClear(database: Database): void;
}

/** All keys of all databases, and how much memory they take. Everything that changes goes through here, and is told as an effect. */
export class Keyspace {
  readonly databases: readonly Database[] = Array.from({ length: DATABASES }, (_, number) => new Database(number));
  /** The present command's time, ms since 1970: one command sees one time. */
  now = 0;
  /** About how many bytes all entries take. */
  used = 0;
  expired = 0;
  /** The answer to the present command tells of changes that are safe when this batch of the log is; 0 if of none. */
  barrier = 0;
  /** No key expires before this; 0 if that is not known. */
  soonest = 0;
  /** The soonest expiry that was set since the sweeper's present round began. */
  noted = Number.POSITIVE_INFINITY;
  /** Begins higher than it can have got in a process before: a cursor from then makes a scan begin again, and miss nothing. */
  #order = Date.now() * 1_000;
  readonly #listener: KeyspaceListener;

  constructor(listener: KeyspaceListener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.databases.reduce((sum, { entries }) => sum + entries.size, 0);
  }

  /** The entry if it is there and has not expired. */
  find(database: Database, key: string): Entry | undefined {
    this.barrier = Math.max(this.barrier, database.unsettledIn(key));
    const entry = database.entries.get(key);
    if (entry === undefined || entry.expireAt === 0 || entry.expireAt > this.now) return entry;
    this.expire(database, key);
    return undefined;
  }

  set(database: Database, key: string, value: string, expireAt: number): void {
    const entry = database.entries.get(key);
    if (entry === undefined) this.#add(database, key, new Entry(value, expireAt, this.#nextOrder()));
    else {
      this.used += memoryOf(key, value) - memoryOf(key, entry.value);
      entry.value = value;
      this.#setExpiry(database, entry, expireAt);
    }
    this.#listener.effects().set(database.number, key, value, expireAt);
    this.#listener.onChange(database, key);
  }

  /** Puts `tail` behind the first `offset` bytes of a string that is there. */
  append(database: Database, key: string, entry: Entry & { value: string }, tail: string): void {
    const offset = entry.value.length;
    entry.value = flat(entry.value + tail);
    this.used += tail.length;
    this.#listener.effects().append(database.number, key, offset, tail);
    this.#listener.onChange(database, key);
  }

  /** Sets fields (name, value, …) and gives how many are new. The hash is created where there is none. */
  setFields(database: Database, key: string, fields: readonly string[]): number {
    const hash = this.#hash(database, key);
    const before = hash.size;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [name = "", value = ""] = [fields[i], fields[i + 1]];
      const old = hash.get(name);
      this.used += old === undefined ? fieldBytes(name, value) : value.length - old.length;
      hash.set(name, value);
    }
    this.#listener.effects().setFields(database.number, key, fields);
    this.#listener.onChange(database, key);
    return hash.size - before;
  }

  /** Gives how many there were. A hash without fields goes. */
  removeFields(database: Database, key: string, hash: Fields, names: readonly string[]): number {
    let removed = 0;
    for (const name of names) {
      const value = hash.get(name);
      if (value === undefined) continue;
      hash.delete(name);
      this.used -= fieldBytes(name, value);
      removed += 1;
    }
    if (removed === 0) return 0;
    if (hash.size === 0) this.remove(database, key);
    else {
      this.#listener.effects().removeFields(database.number, key, names);
      this.#listener.onChange(database, key);
    }
    return removed;
  }

  remove(database: Database, key: string): boolean {
    const entry = database.entries.get(key);
    if (entry === undefined) return false;
    this.#take(database, key, entry);
    this.#listener.effects().remove(database.number, key);
    this.#listener.onChange(database, key);
    return true;
  }

  setExpiry(database: Database, key: string, entry: Entry, expireAt: number): void {
    this.#setExpiry(database, entry, expireAt);
    this.#listener.effects().expire(database.number, key, expireAt);
    this.#listener.onChange(database, key);
  }

  /** Another key for an entry, with its expiry; what stood there is replaced. */
  rename(database: Database, from: string, to: string): void {
    const entry = database.entries.get(from);
    if (entry === undefined) return;
    const { value, expireAt } = entry;
    this.remove(database, from);
    this.remove(database, to);
    this.place(database, to, value, expireAt);
  }

  /** Puts a whole value under a key where there is nothing. */
  place(database: Database, key: string, value: Value, expireAt: number): void {
    if (typeof value === "string") this.set(database, key, value, expireAt);
    else {
      this.setFields(database, key, [...value].flat());
      const entry = database.entries.get(key);
      if (expireAt !== 0 && entry !== undefined) this.setExpiry(database, key, entry, expireAt);
    }
  }

  clear(database: Database): void {
    this.#listener.onClear(database);
    for (const [key, { value }] of database.entries) this.used -= memoryOf(key, value);
    database.entries.clear();
    database.expiring = 0;
    this.#listener.effects().clear(database.number);
  }

  /** Takes away what has expired. It is told: what comes later under the key must not find it again. */
  expire(database: Database, key: string): void {
    const entry = database.entries.get(key);
    if (entry === undefined) return;
    this.#take(database, key, entry);
    this.#listener.effects().remove(database.number, key);
    this.#listener.onExpired(database, key);
    this.expired += 1;
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  #hash(database: Database, key: string): Fields {
    const entry = database.entries.get(key);
    if (entry !== undefined && typeof entry.value !== "string") return entry.value;
    if (entry !== undefined) this.#take(database, key, entry);
    const hash: Fields = new Map();
    this.#add(database, key, new Entry(hash, 0, this.#nextOrder()));
    return hash;
  }

  #add(database: Database, key: string, entry: Entry): void {
    database.entries.set(key, entry);
    this.used += memoryOf(key, entry.value);
    this.#noteExpiry(database, entry.expireAt);
  }

  #take(database: Database, key: string, entry: Entry): void {
    database.entries.delete(key);
    this.used -= memoryOf(key, entry.value);
    if (entry.expireAt !== 0) database.expiring -= 1;
  }

  #setExpiry(database: Database, entry: Entry, expireAt: number): void {
    if (entry.expireAt !== 0) database.expiring -= 1;
    entry.expireAt = expireAt;
    this.#noteExpiry(database, expireAt);
  }

  #noteExpiry(database: Database, expireAt: number): void {
    if (expireAt === 0) return;
    database.expiring += 1;
    if (expireAt < this.soonest) this.soonest = expireAt;
    if (expireAt < this.noted) this.noted = expireAt;
  }
}

/** Joined strings are kept by V8 as a tree of their parts; reading a character makes one piece of it. */
export function flat(text: string): string {
  return text.length === 0 ? text : Buffer.from(text, "latin1").toString("latin1");
}
