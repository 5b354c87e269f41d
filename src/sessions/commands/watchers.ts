import type { Database } from "../data/database.ts";
import type { Keyspace } from "../data/keyspace.ts";
import type { Client } from "./client.ts";

/** Who watches which key (WATCH), so that a change can make their transactions fail. */
export class Watchers {
  readonly #byKey = new Map<Database, Map<string, Set<Client>>>();

  watch(client: Client, database: Database, key: string): void {
    const keys = this.#byKey.get(database) ?? new Map<string, Set<Client>>();
    this.#byKey.set(database, keys);
    const clients = keys.get(key) ?? new Set();
    keys.set(key, clients.add(client));
    const own = client.watched.get(database) ?? new Set();
    client.watched.set(database, own.add(key));
  }

  changed(database: Database, key: string): void {
    if (this.#byKey.size === 0) return;
    for (const client of this.#byKey.get(database)?.get(key) ?? []) client.outdated = true;
  }

  /** Everything in the database goes: only keys that were there change. */
  cleared(database: Database): void {
    for (const [key, clients] of this.#byKey.get(database) ?? [])
      if (database.entries.has(key)) for (const client of clients) client.outdated = true;
  }

  /** Whether one of the keys it watches has expired, which nobody may have noticed yet. */
  haveExpired(client: Client, keyspace: Keyspace): boolean {
    for (const [database, keys] of client.watched)
      for (const key of keys) if (database.entries.has(key) && keyspace.find(database, key) === undefined) return true;
    return client.outdated;
  }

  forget(client: Client): void {
    for (const [database, keys] of client.watched) {
      const byKey = this.#byKey.get(database);
      for (const key of keys) {
        const clients = byKey?.get(key);
        clients?.delete(client);
        if (clients?.size === 0) byKey?.delete(key);
      }
      if (byKey?.size === 0) this.#byKey.delete(database);
    }
    client.watched.clear();
    client.outdated = false;
  }
}
