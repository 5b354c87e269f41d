import { isInt64, parseInteger } from "../resp/integer.ts";
import { error, type Reply } from "../resp/reply.ts";
import { command, ONE_KEY, type Command, type Context, type Run } from "./command.ts";
import { invalidExpiry, NOT_AN_INTEGER } from "./errors.ts";

interface TimeUnit {
  /** ms in one. */
  readonly ms: bigint;
  /** From now on, rather than since 1970. */
  readonly relative: boolean;
}

/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: key time [NX|XX|GT|LT] */
function expireBy(name: string, unit: TimeUnit): Run {
  return ({ keyspace, database }, args) => {
    const [, key = "", text = "", ...words] = args;
    const condition = parseCondition(words);
    if (condition instanceof Error) return error(condition.message);
    const time = parseInteger(text);
    if (time === null) return NOT_AN_INTEGER;
    const at = time * unit.ms + (unit.relative ? BigInt(keyspace.now) : 0n);
    if (!isInt64(time * unit.ms) || !isInt64(at)) return invalidExpiry(name);
    const entry = keyspace.find(database, key);
    if (entry === undefined || !condition(entry.expireAt, Number(at))) return 0;
    if (Number(at) <= keyspace.now) keyspace.remove(database, key);
    else keyspace.setExpiry(database, key, entry, Number(at));
    return 1;
  };
}

/** Whether the new time may take the place of the present one (0: none). */
type Condition = (present: number, next: number) => boolean;

function parseCondition(words: readonly string[]): Condition | Error {
  const given = new Set(words.map((word) => word.toUpperCase()));
  const unknown = words.find((word) => !["NX", "XX", "GT", "LT"].includes(word.toUpperCase()));
  if (unknown !== undefined) return new Error(`ERR Unsupported option ${unknown}`);
  if (given.has("NX") && given.size > 1) return new Error("ERR NX and XX, GT or LT options at the same time are not compatible");
  if (given.has("GT") && given.has("LT")) return new Error("ERR GT and LT options at the same time are not compatible");
  return (present, next) => {
    if (given.has("NX") && present !== 0) return false;
    if (given.has("XX") && present === 0) return false;
    if (given.has("GT") && (present === 0 || next <= present)) return false;
    return !(given.has("LT") && present !== 0 && next >= present);
  };
}

/** TTL, PTTL, EXPIRETIME, PEXPIRETIME: -2 without the key, -1 where it does not expire. */
function timeLeft({ ms, relative }: TimeUnit): Run {
  const divisor = Number(ms);
  return ({ keyspace, database }, [, key = ""]) => {
    const entry = keyspace.find(database, key);
    if (entry === undefined) return -2;
    if (entry.expireAt === 0) return -1;
    return Math.floor((entry.expireAt - (relative ? keyspace.now : 0) + divisor / 2) / divisor);
  };
}

function persist({ keyspace, database }: Context, [, key = ""]: readonly string[]): Reply {
  const entry = keyspace.find(database, key);
  if (entry === undefined || entry.expireAt === 0) return 0;
  keyspace.setExpiry(database, key, entry, 0);
  return 1;
}

const SECONDS_FROM_NOW = { ms: 1000n, relative: true };
const MS_FROM_NOW = { ms: 1n, relative: true };
const SECONDS = { ms: 1000n, relative: false };
const MS = { ms: 1n, relative: false };

export const EXPIRY: readonly Command[] = [
  command("expire", -3, "write fast", expireBy("expire", SECONDS_FROM_NOW), ONE_KEY),
  command("pexpire", -3, "write fast", expireBy("pexpire", MS_FROM_NOW), ONE_KEY),
  command("expireat", -3, "write fast", expireBy("expireat", SECONDS), ONE_KEY),
  command("pexpireat", -3, "write fast", expireBy("pexpireat", MS), ONE_KEY),
  command("ttl", 2, "readonly fast", timeLeft(SECONDS_FROM_NOW), ONE_KEY),
  command("pttl", 2, "readonly fast", timeLeft(MS_FROM_NOW), ONE_KEY),
  command("expiretime", 2, "readonly fast", timeLeft(SECONDS), ONE_KEY),
  command("pexpiretime", 2, "readonly fast", timeLeft(MS), ONE_KEY),
  command("persist", 2, "write fast", persist, ONE_KEY),
];
