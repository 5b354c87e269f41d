import { isInt64, parseInteger } from "../resp/integer.ts";
import { error, type Reply } from "../resp/reply.ts";
import { command, ONE_KEY, type Command, type Context, type Run } from "./command.ts";
import { addDecimals, formatDecimal, parseDecimal } from "./decimal.ts";
import { NOT_A_FLOAT, NOT_AN_INTEGER, OVERFLOW } from "./errors.ts";
import { hashAt, stringAt } from "./values.ts";

function add(context: Context, key: string, by: bigint): Reply {
  const { keyspace, database } = context;
  const entry = stringAt(context, key);
  const old = parseInteger(entry?.value ?? "0");
  if (old === null) return NOT_AN_INTEGER;
  if (!isInt64(old + by)) return OVERFLOW;
  keyspace.set(database, key, String(old + by), entry?.expireAt ?? 0);
  return old + by;
}

const addOne =
  (by: bigint): Run =>
  (context, [, key = ""]) =>
    add(context, key, by);

function incrby(context: Context, [, key = "", text = ""]: readonly string[]): Reply {
  const by = parseInteger(text);
  return by === null ? NOT_AN_INTEGER : add(context, key, by);
}

function decrby(context: Context, [, key = "", text = ""]: readonly string[]): Reply {
  const by = parseInteger(text);
  if (by === null) return NOT_AN_INTEGER;
  if (!isInt64(-by)) return error("ERR decrement would overflow");
  return add(context, key, -by);
}

function incrbyfloat(context: Context, [, key = "", text = ""]: readonly string[]): Reply {
  const { keyspace, database } = context;
  const entry = stringAt(context, key);
  const [old, by] = [parseDecimal(entry?.value ?? "0"), parseDecimal(text)];
  if (old === null || by === null) return NOT_A_FLOAT;
  const sum = formatDecimal(addDecimals(old, by));
  keyspace.set(database, key, sum, entry?.expireAt ?? 0);
  return sum;
}

function hincrby(context: Context, [, key = "", field = "", text = ""]: readonly string[]): Reply {
  const by = parseInteger(text);
  if (by === null) return NOT_AN_INTEGER;
  const hash = hashAt(context, key);
  const old = parseInteger(hash?.get(field) ?? "0");
  if (old === null) return error("ERR hash value is not an integer");
  if (!isInt64(old + by)) return OVERFLOW;
  context.keyspace.setFields(context.database, key, [field, String(old + by)]);
  return old + by;
}

function hincrbyfloat(context: Context, [, key = "", field = "", text = ""]: readonly string[]): Reply {
  const by = parseDecimal(text);
  if (by === null) return NOT_A_FLOAT;
  const hash = hashAt(context, key);
  const old = parseDecimal(hash?.get(field) ?? "0");
  if (old === null) return error("ERR hash value is not a float");
  const sum = formatDecimal(addDecimals(old, by));
  context.keyspace.setFields(context.database, key, [field, sum]);
  return sum;
}

export const COUNTERS: readonly Command[] = [
  command("incr", 2, "write grows fast", addOne(1n), ONE_KEY),
  command("decr", 2, "write grows fast", addOne(-1n), ONE_KEY),
  command("incrby", 3, "write grows fast", incrby, ONE_KEY),
  command("decrby", 3, "write grows fast", decrby, ONE_KEY),
  command("incrbyfloat", 3, "write grows fast", incrbyfloat, ONE_KEY),
  command("hincrby", 4, "write grows fast", hincrby, ONE_KEY),
  command("hincrbyfloat", 4, "write grows fast", hincrbyfloat, ONE_KEY),
];
