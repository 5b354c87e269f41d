import { error, MapReply, SimpleString, type Reply } from "../resp/reply.ts";
import { command, type Command, type Context, type Flag } from "./command.ts";
import { CONNECTION } from "./connection.ts";
import { COUNTERS } from "./counters.ts";
import { EXPIRY } from "./expiry.ts";
import { HASHES } from "./hashes.ts";
import { INFO } from "./info.ts";
import { KEYS } from "./keys.ts";
import { STRINGS } from "./strings.ts";

const REDIS_FLAGS: Readonly<Record<Flag, string | null>> = {
  write: "write",
  readonly: "readonly",
  grows: "denyoom",
  open: "no_auth",
  fast: "fast",
  immediate: null,
};

/** Every command but those of transactions, which need the executor. */
const table = new Map<string, Command>(
  [...STRINGS, ...COUNTERS, ...EXPIRY, ...HASHES, ...KEYS, ...CONNECTION, ...INFO, command("command", -1, "", describe)].map(
    (row) => [row.name, row],
  ),
);

/** Clients write names in lower or upper case: both are found without making a new string of each. */
for (const row of [...table.values()]) table.set(row.name.toUpperCase(), row);

export function findCommand(name: string): Command | undefined {
  return table.get(name) ?? table.get(name.toLowerCase());
}

function describe(_: Context, [, word, ...names]: readonly string[]): Reply {
  const all = [...new Set(table.values())];
  switch (word?.toUpperCase()) {
    case undefined:
      return all.map(describeOne);
    case "COUNT":
      return all.length;
    case "LIST":
      return all.map(({ name }) => name);
    case "INFO":
      return names.length === 0 ? all.map(describeOne) : names.map((name) => describeFound(name));
    case "DOCS":
      return new MapReply([]);
    default:
      return error(`ERR unknown subcommand '${(word ?? "").slice(0, 128)}'. Try COMMAND HELP.`);
  }
}

function describeFound(name: string): Reply {
  const found = findCommand(name);
  return found === undefined ? null : describeOne(found);
}

function describeOne({ name, arity, flags, keys }: Command): Reply {
  const words = flags.map((flag) => REDIS_FLAGS[flag]).filter((flag) => flag !== null);
  return [name, arity, words.map((flag) => new SimpleString(flag)), ...keys, [], [], [], []];
}
