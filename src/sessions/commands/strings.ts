import { parseInteger, parseNumber } from "../resp/integer.ts";
import { error, OK, type Reply } from "../resp/reply.ts";
import { ALL_KEYS, command, ONE_KEY, type Command, type Context } from "./command.ts";
import { NOT_AN_INTEGER, TOO_LONG, wrongArity } from "./errors.ts";
import { getex, set, setWithTime } from "./set.ts";
import { bulkMax, stringAt } from "./values.ts";

function get(context: Context, [, key = ""]: readonly string[]): Reply {
  return stringAt(context, key)?.value ?? null;
}

function getset(context: Context, [, key = "", value = ""]: readonly string[]): Reply {
  const entry = stringAt(context, key);
  const old = entry?.value ?? null;
  context.keyspace.set(context.database, key, value, 0);
  return old;
}

function getdel(context: Context, [, key = ""]: readonly string[]): Reply {
  const entry = stringAt(context, key);
  if (entry === undefined) return null;
  context.keyspace.remove(context.database, key);
  return entry.value;
}

function setnx({ keyspace, database }: Context, [, key = "", value = ""]: readonly string[]): Reply {
  if (keyspace.find(database, key) !== undefined) return 0;
  keyspace.set(database, key, value, 0);
  return 1;
}

function mget({ keyspace, database }: Context, args: readonly string[]): Reply {
  return args.slice(1).map((key) => {
    const value = keyspace.find(database, key)?.value;
    return typeof value === "string" ? value : null;
  });
}

function mset({ keyspace, database }: Context, args: readonly string[]): Reply {
  if (args.length % 2 === 0) return wrongArity("mset");
  for (let i = 1; i < args.length; i += 2) keyspace.set(database, args[i] ?? "", args[i + 1] ?? "", 0);
  return OK;
}

function msetnx(context: Context, args: readonly string[]): Reply {
  if (args.length % 2 === 0) return wrongArity("msetnx");
  for (let i = 1; i < args.length; i += 2) if (context.keyspace.find(context.database, args[i] ?? "") !== undefined) return 0;
  mset(context, args);
  return 1;
}

function append(context: Context, [, key = "", tail = ""]: readonly string[]): Reply {
  const { keyspace, database } = context;
  const entry = stringAt(context, key);
  if (entry === undefined) keyspace.set(database, key, tail, 0);
  else if (entry.value.length + tail.length > bulkMax(context)) return TOO_LONG;
  else keyspace.append(database, key, entry, tail);
  return (entry?.value ?? tail).length;
}

function strlen(context: Context, [, key = ""]: readonly string[]): Reply {
  return stringAt(context, key)?.value.length ?? 0;
}

function getrange(context: Context, [, key = "", from = "", to = ""]: readonly string[]): Reply {
  const [first, last] = [parseNumber(from), parseNumber(to)];
  if (first === null || last === null) return NOT_AN_INTEGER;
  const entry = stringAt(context, key);
  const text = entry?.value ?? "";
  if (first < 0 && last < 0 && first > last) return "";
  const start = first < 0 ? Math.max(0, text.length + first) : first;
  const end = last < 0 ? Math.max(0, text.length + last) : last;
  return text.slice(start, Math.min(end, text.length) + 1);
}

function setrange(context: Context, [, key = "", at = "", part = ""]: readonly string[]): Reply {
  const offset = parseNumber(at);
  if (offset === null) return NOT_AN_INTEGER;
  if (offset < 0) return error("ERR offset is out of range");
  const entry = stringAt(context, key);
  const old = entry?.value ?? "";
  if (part === "") return old.length;
  if (offset + part.length > bulkMax(context)) return TOO_LONG;
  const value = Buffer.alloc(Math.max(old.length, offset + part.length));
  value.write(old, 0, "latin1");
  value.write(part, offset, "latin1");
  context.keyspace.set(context.database, key, value.toString("latin1"), entry?.expireAt ?? 0);
  return value.length;
}

/** Whether a text is a number that Redis would keep as one. */
export function isInteger(text: string): boolean {
  return text.length <= 20 && parseInteger(text) !== null;
}

export const STRINGS: readonly Command[] = [
  command("get", 2, "readonly fast", get, ONE_KEY),
  command("set", -3, "write grows", set, ONE_KEY),
  command("setex", 4, "write grows", setWithTime("setex", "EX"), ONE_KEY),
  command("psetex", 4, "write grows", setWithTime("psetex", "PX"), ONE_KEY),
  command("setnx", 3, "write grows fast", setnx, ONE_KEY),
  command("getex", -2, "write fast", getex, ONE_KEY),
  command("getdel", 2, "write fast", getdel, ONE_KEY),
  command("getset", 3, "write grows fast", getset, ONE_KEY),
  command("mget", -2, "readonly fast", mget, ALL_KEYS),
  command("mset", -3, "write grows", mset, [1, -1, 2]),
  command("msetnx", -3, "write grows", msetnx, [1, -1, 2]),
  command("append", 3, "write grows fast", append, ONE_KEY),
  command("strlen", 2, "readonly fast", strlen, ONE_KEY),
  command("getrange", 4, "readonly", getrange, ONE_KEY),
  command("substr", 4, "readonly", getrange, ONE_KEY),
  command("setrange", 4, "write grows", setrange, ONE_KEY),
];
