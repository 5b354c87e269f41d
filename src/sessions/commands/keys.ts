import { globMatches } from "../data/glob.ts";
import { memoryOf, type Entry } from "../data/entry.ts";
import { parseNumber } from "../resp/integer.ts";
import { error, OK, SimpleString, type Reply } from "../resp/reply.ts";
import { ALL_KEYS, command, container, ONE_KEY, type Command, type Context, type Run } from "./command.ts";
import { DB_OUT_OF_RANGE, INVALID_CURSOR, NO_SUCH_KEY, SYNTAX } from "./errors.ts";
import { isCursor, parseScan } from "./scan-options.ts";
import { isInteger } from "./strings.ts";

/** Redis keeps short strings beside the key, and small hashes as a list. */
const EMBEDDED_MAX = 44;
const LIST_FIELDS_MAX = 128;
const LIST_BYTES_MAX = 64;

const typeName = (entry: Entry): string => (typeof entry.value === "string" ? "string" : "hash");

function del({ keyspace, database }: Context, args: readonly string[]): Reply {
  return count(args, (key) => keyspace.find(database, key) !== undefined && keyspace.remove(database, key));
}

function exists({ keyspace, database }: Context, args: readonly string[]): Reply {
  return count(args, (key) => keyspace.find(database, key) !== undefined);
}

function count(args: readonly string[], counts: (key: string) => boolean): number {
  return args.slice(1).filter(counts).length;
}

function keys({ keyspace, database }: Context, [, pattern = ""]: readonly string[]): Reply {
  const found: string[] = [];
  for (const [key, { expireAt }] of database.entries)
    if ((expireAt === 0 || expireAt > keyspace.now) && globMatches(pattern, key)) found.push(key);
  return found;
}

function scan({ keyspace, database, cursors }: Context, [, cursor = "", ...words]: readonly string[]): Reply {
  if (!isCursor(cursor)) return INVALID_CURSOR;
  const options = parseScan(words, true);
  if ("text" in options) return options;
  const { next, items } = cursors.read(database, cursor, options.count);
  const fits = items.filter(([key, entry]) => {
    if (options.match !== null && !globMatches(options.match, key)) return false;
    if (options.type !== null && options.type !== typeName(entry)) return false;
    return keyspace.find(database, key) !== undefined;
  });
  return [next, fits.map(([key]) => key)];
}

function randomkey({ keyspace, database }: Context): Reply {
  const live = keys({ keyspace, database } as Context, ["", "*"]) as readonly string[];
  return live[Math.floor(Math.random() * live.length)] ?? null;
}

function type({ keyspace, database }: Context, [, key = ""]: readonly string[]): Reply {
  const entry = keyspace.find(database, key);
  return new SimpleString(entry === undefined ? "none" : typeName(entry));
}

const renaming =
  (onlyNew: boolean): Run =>
  ({ keyspace, database }, [, from = "", to = ""]) => {
    if (keyspace.find(database, from) === undefined) return NO_SUCH_KEY;
    if (onlyNew && keyspace.find(database, to) !== undefined) return 0;
    if (from !== to) keyspace.rename(database, from, to);
    return onlyNew ? 1 : OK;
  };

function flush(all: boolean): Run {
  return ({ keyspace, database, cursors }, [, word, ...more]) => {
    if (more.length > 0 || (word !== undefined && !["SYNC", "ASYNC"].includes(word.toUpperCase()))) return SYNTAX;
    for (const one of all ? keyspace.databases : [database]) {
      cursors.forget(one);
      keyspace.clear(one);
    }
    return OK;
  };
}

function select({ keyspace, client }: Context, [, text = ""]: readonly string[]): Reply {
  const number = parseNumber(text);
  if (number === null) return error("ERR value is not an integer or out of range");
  if (keyspace.databases[number] === undefined) return DB_OUT_OF_RANGE;
  client.database = number;
  return OK;
}

/** A subcommand that tells something of one entry. */
function ofEntry(tell: (entry: Entry, key: string) => Reply): Run {
  return ({ keyspace, database }, [, , key = ""]) => {
    const entry = keyspace.find(database, key);
    return entry === undefined ? null : tell(entry, key);
  };
}

function encoding({ value }: Entry): string {
  if (typeof value === "string") {
    if (isInteger(value)) return "int";
    return value.length <= EMBEDDED_MAX ? "embstr" : "raw";
  }
  const isSmall = ([name, text]: [string, string]): boolean => name.length <= LIST_BYTES_MAX && text.length <= LIST_BYTES_MAX;
  return value.size <= LIST_FIELDS_MAX && [...value].every(isSmall) ? "listpack" : "hashtable";
}

export const KEYS: readonly Command[] = [
  command("del", -2, "write", del, ALL_KEYS),
  command("unlink", -2, "write fast", del, ALL_KEYS),
  command("exists", -2, "readonly fast", exists, ALL_KEYS),
  command("touch", -2, "readonly fast", exists, ALL_KEYS),
  command("type", 2, "readonly fast", type, ONE_KEY),
  command("keys", 2, "readonly", keys),
  command("scan", -2, "readonly", scan),
  command("randomkey", 1, "readonly", randomkey),
  command("rename", 3, "write", renaming(false), [1, 2, 1]),
  command("renamenx", 3, "write fast", renaming(true), [1, 2, 1]),
  command("dbsize", 1, "readonly fast", ({ database }) => database.entries.size),
  command("flushdb", -1, "write", flush(false)),
  command("flushall", -1, "write", flush(true)),
  command("select", 2, "fast", select),
  container("object", { ENCODING: [3, ofEntry(encoding)], REFCOUNT: [3, ofEntry(() => 1)] }, [2, 2, 1]),
  container("memory", { USAGE: [-3, ofEntry(({ value }, key) => memoryOf(key, value))] }, [2, 2, 1]),
];
