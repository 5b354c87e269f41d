import type { Entry, Fields } from "../data/entry.ts";
import type { Context } from "./command.ts";
import { Refusal, WRONG_TYPE } from "./errors.ts";

export type StringEntry = Entry & { value: string };

/** The string under a key. @throws Refusal if something else stands there */
export function stringAt({ keyspace, database }: Context, key: string): StringEntry | undefined {
  const entry = keyspace.find(database, key);
  if (entry === undefined || typeof entry.value === "string") return entry as StringEntry | undefined;
  throw new Refusal(WRONG_TYPE);
}

/** The hash under a key. @throws Refusal if something else stands there */
export function hashAt({ keyspace, database }: Context, key: string): Fields | undefined {
  const value = keyspace.find(database, key)?.value;
  if (typeof value === "string") throw new Refusal(WRONG_TYPE);
  return value;
}

/** The longest value, in bytes. */
export function bulkMax({ server }: Context): number {
  return Number(server.settings.get("proto-max-bulk-len"));
}
