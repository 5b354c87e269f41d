import { parseInteger } from "../resp/integer.ts";
import { OK, type Reply } from "../resp/reply.ts";
import type { Context, Run } from "./command.ts";
import { invalidExpiry, NOT_AN_INTEGER, SYNTAX } from "./errors.ts";
import { stringAt } from "./values.ts";

type Unit = "EX" | "PX" | "EXAT" | "PXAT";

interface SetOptions {
  unit: Unit | null;
  time: string;
  condition: "NX" | "XX" | null;
  keepTtl: boolean;
  persist: boolean;
  get: boolean;
}

const PLAIN: SetOptions = { unit: null, time: "", condition: null, keepTtl: false, persist: false, get: false };
const SET_WORDS = new Set(["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT"]);
const GETEX_WORDS = new Set(["PERSIST", "EX", "PX", "EXAT", "PXAT"]);
/** The latest time in ms that Redis accepts: a signed 64-bit number. */
const LATEST = 2n ** 63n - 1n;

/** SET key value [NX|XX] [GET] [EX|PX|EXAT|PXAT n|KEEPTTL] */
export function set(context: Context, args: readonly string[]): Reply {
  const { keyspace, database } = context;
  const options = args.length === 3 ? PLAIN : parseOptions(args, 3, SET_WORDS);
  if (options === null) return SYNTAX;
  const at = expiry(context, options, "set");
  if (typeof at !== "number") return at;
  const [, key = "", value = ""] = args;
  if (options === PLAIN) {
    keyspace.set(database, key, value, 0);
    return OK;
  }
  return setIf(context, options, { key, value, at });
}

function setIf(context: Context, options: SetOptions, { key, value, at }: { key: string; value: string; at: number }): Reply {
  const { keyspace, database } = context;
  const before = options.get ? (stringAt(context, key)?.value ?? null) : null;
  const old = keyspace.find(database, key);
  const fits = options.condition === null || (options.condition === "XX") === (old !== undefined);
  if (fits) keyspace.set(database, key, value, options.keepTtl && old !== undefined ? old.expireAt : at);
  if (options.get) return before;
  return fits ? OK : null;
}

/** SETEX and PSETEX: key, time, value. */
export function setWithTime(name: string, unit: Unit): Run {
  return (context, [, key = "", time = "", value = ""]) => {
    const at = timeOf(time, unit, { now: context.keyspace.now, name });
    if (typeof at !== "number") return at;
    context.keyspace.set(context.database, key, value, at);
    return OK;
  };
}

/** GETEX key [PERSIST|EX|PX|EXAT|PXAT n] */
export function getex(context: Context, args: readonly string[]): Reply {
  const { keyspace, database } = context;
  const options = parseOptions(args, 2, GETEX_WORDS);
  if (options === null) return SYNTAX;
  const [, key = ""] = args;
  const entry = stringAt(context, key);
  if (entry === undefined) return null;
  const at = expiry(context, options, "getex");
  if (typeof at !== "number") return at;
  const { value } = entry;
  if (options.unit !== null && at <= keyspace.now) keyspace.remove(database, key);
  else if (options.unit !== null || (options.persist && entry.expireAt !== 0)) keyspace.setExpiry(database, key, entry, at);
  return value;
}

function expiry({ keyspace }: Context, { unit, time }: SetOptions, name: string): number | Reply {
  return unit === null ? 0 : timeOf(time, unit, { now: keyspace.now, name });
}

function timeOf(text: string, unit: Unit, { now, name }: { now: number; name: string }): number | typeof NOT_AN_INTEGER {
  const value = parseInteger(text);
  if (value === null) return NOT_AN_INTEGER;
  const ms = unit === "EX" || unit === "EXAT" ? value * 1000n : value;
  const at = unit === "EX" || unit === "PX" ? ms + BigInt(now) : ms;
  return value <= 0n || ms > LATEST || at > LATEST ? invalidExpiry(name) : Number(at);
}

/** Null where Redis would say "syntax error": an unknown word, a missing number, or words that exclude one another. */
function parseOptions(args: readonly string[], from: number, allowed: ReadonlySet<string>): SetOptions | null {
  const options: SetOptions = { ...PLAIN };
  for (let i = from; i < args.length; i += 1) {
    const word = (args[i] ?? "").toUpperCase();
    if (!allowed.has(word)) return null;
    if (word === "GET") options.get = true;
    else if (word === "NX" || word === "XX") {
      if (options.condition !== null && options.condition !== word) return null;
      options.condition = word;
    } else if (word === "KEEPTTL" || word === "PERSIST") {
      if (options.unit !== null) return null;
      options[word === "KEEPTTL" ? "keepTtl" : "persist"] = true;
    } else {
      i += 1;
      if (!takeTime(options, word as Unit, args[i])) return null;
    }
  }
  return options;
}

/** One unit may be said again; then the last time counts. */
function takeTime(options: SetOptions, unit: Unit, time: string | undefined): boolean {
  if (time === undefined || options.keepTtl || options.persist) return false;
  if (options.unit !== null && options.unit !== unit) return false;
  options.unit = unit;
  options.time = time;
  return true;
}
