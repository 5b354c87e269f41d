import { globMatches } from "../data/glob.ts";
import { parseNumber } from "../resp/integer.ts";
import { MapReply, OK, type Reply } from "../resp/reply.ts";
import { command, ONE_KEY, type Command, type Context, type Run } from "./command.ts";
import { INVALID_CURSOR, NOT_AN_INTEGER, SYNTAX, wrongArity } from "./errors.ts";
import { isCursor, parseScan } from "./scan-options.ts";
import { hashAt } from "./values.ts";
import type { Fields } from "../data/entry.ts";

/** A command that reads a hash; `none` where there is no such key. */
function reading(read: (hash: Fields, args: readonly string[]) => Reply, none: Reply): Run {
  return (context, args) => {
    const hash = hashAt(context, args[1] ?? "");
    return hash === undefined ? none : read(hash, args);
  };
}

function writeFields(name: string, reply: (added: number) => Reply): Run {
  return (context, args) => {
    if (args.length % 2 === 1) return wrongArity(name);
    const [, key = ""] = args;
    hashAt(context, key);
    return reply(context.keyspace.setFields(context.database, key, args.slice(2)));
  };
}

function hsetnx(context: Context, [, key = "", field = "", value = ""]: readonly string[]): Reply {
  const hash = hashAt(context, key);
  return hash?.has(field) === true ? 0 : context.keyspace.setFields(context.database, key, [field, value]);
}

function hdel(context: Context, [, key = "", ...names]: readonly string[]): Reply {
  const hash = hashAt(context, key);
  if (hash === undefined) return 0;
  return context.keyspace.removeFields(context.database, key, hash, names);
}

function hmget(context: Context, [, key = "", ...names]: readonly string[]): Reply {
  const hash = hashAt(context, key);
  return names.map((name) => hash?.get(name) ?? null);
}

/** A hash is given whole, as Redis gives small ones: the cursor is 0 at once. */
function hscan(context: Context, [, key = "", cursor = "", ...words]: readonly string[]): Reply {
  if (!isCursor(cursor)) return INVALID_CURSOR;
  const hash = hashAt(context, key);
  if (hash === undefined) return ["0", []];
  const options = parseScan(words, false);
  if ("text" in options) return options;
  const { match } = options;
  const found = [...hash].filter(([name]) => match === null || globMatches(match, name));
  return ["0", found.flat()];
}

function hrandfield(context: Context, [, key = "", count, withValues]: readonly string[]): Reply {
  const wanted = count === undefined ? 1 : parseNumber(count);
  if (wanted === null) return NOT_AN_INTEGER;
  if (withValues !== undefined && withValues.toUpperCase() !== "WITHVALUES") return SYNTAX;
  const hash = hashAt(context, key);
  const all = [...(hash ?? [])];
  if (count === undefined) return pick(all)?.[0] ?? null;
  const chosen = wanted < 0 ? Array.from({ length: -wanted }, () => pick(all) ?? []) : shuffled(all).slice(0, wanted);
  const pairs = all.length === 0 ? [] : (chosen as [string, string][]);
  if (withValues === undefined) return pairs.map(([name]) => name);
  return context.client.protocol === 3 ? pairs : pairs.flat();
}

function pick<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(Math.random() * items.length)];
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

const hgetall = reading((hash) => new MapReply([...hash]), new MapReply([]));

export const HASHES: readonly Command[] = [
  command(
    "hset",
    -4,
    "write grows fast",
    writeFields("hset", (added) => added),
    ONE_KEY,
  ),
  command(
    "hmset",
    -4,
    "write grows fast",
    writeFields("hmset", () => OK),
    ONE_KEY,
  ),
  command("hsetnx", 4, "write grows fast", hsetnx, ONE_KEY),
  command(
    "hget",
    3,
    "readonly fast",
    reading((hash, [, , name = ""]) => hash.get(name) ?? null, null),
    ONE_KEY,
  ),
  command("hmget", -3, "readonly fast", hmget, ONE_KEY),
  command("hgetall", 2, "readonly", hgetall, ONE_KEY),
  command("hdel", -3, "write fast", hdel, ONE_KEY),
  command(
    "hexists",
    3,
    "readonly fast",
    reading((hash, [, , name = ""]) => Number(hash.has(name)), 0),
    ONE_KEY,
  ),
  command(
    "hlen",
    2,
    "readonly fast",
    reading((hash) => hash.size, 0),
    ONE_KEY,
  ),
  command(
    "hkeys",
    2,
    "readonly",
    reading((hash) => [...hash.keys()], []),
    ONE_KEY,
  ),
  command(
    "hvals",
    2,
    "readonly",
    reading((hash) => [...hash.values()], []),
    ONE_KEY,
  ),
  command(
    "hstrlen",
    3,
    "readonly fast",
    reading((hash, [, , name = ""]) => hash.get(name)?.length ?? 0, 0),
    ONE_KEY,
  ),
  command("hscan", -3, "readonly", hscan, ONE_KEY),
  command("hrandfield", -2, "readonly", hrandfield, ONE_KEY),
];
