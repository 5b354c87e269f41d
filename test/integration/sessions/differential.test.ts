import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redisVersion, startRedis } from "../../support/sessions/redis-server.ts";
import type { RedisWire } from "../../support/sessions/redis-wire.ts";
import { StateServerProgram } from "../../support/sessions/state-server-program.ts";

/** Error texts change from one Redis to the next: they are compared with the one that Debian 12 has. */
const COMPARED = "7.0.";
const version = redisVersion();

const key = fc.constantFrom("a", "b", "c", "h", "g", "user:1", "k\0\xff\r\n");
const value = fc.oneof(
  fc.constantFrom("", "1", "-7", "42", "3.5", "1e3", "abc", "9223372036854775807", "-9223372036854775808", " 1", "01", "nan"),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 80 }),
);
const field = fc.constantFrom("f", "g", "n", "", "\x80");
const number = fc.constantFrom("0", "1", "-1", "5", "100", "-100", "9223372036854775807", "abc", "1.5", "", "+1");
const seconds = fc.constantFrom("100", "500", "1000", "0", "-1", "9223372036854775807", "9223372036854775", "x", "1.5");
const ms = fc.constantFrom("100000", "500000", "0", "-5", "9223372036854775807", "x");
const atSeconds = fc.constantFrom("1", "0", "4000000000", "4000000001", "-1", "x");
const atMs = fc.constantFrom("1000", "4000000000000", "4000000000001", "0", "x");
const condition = fc.constantFrom("NX", "xx", "GT", "LT", "ZZ");
const pattern = fc.constantFrom("*", "a*", "?", "user:[0-9]", "[^a]*", "k\\*", "*\xff*", "[a-c]", "[", "\\", "h*g", "***a");

const timed = fc.oneof(
  fc.tuple(fc.constantFrom("EX", "ex"), seconds),
  fc.tuple(fc.constant("PX"), ms),
  fc.tuple(fc.constant("EXAT"), atSeconds),
  fc.tuple(fc.constant("PXAT"), atMs),
);
const setWords = fc
  .array(fc.oneof(fc.constantFrom(["NX"], ["XX"], ["GET"], ["KEEPTTL"], ["PERSIST"], ["BOGUS"], ["EX"]), timed), { maxLength: 3 })
  .map((words) => words.flat());

const words = (...parts: readonly (string | fc.Arbitrary<string | readonly string[]>)[]): fc.Arbitrary<readonly string[]> =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((args) => args.flat());
const some = (one: fc.Arbitrary<string>, min = 0, max = 3): fc.Arbitrary<readonly string[]> =>
  fc.array(one, { minLength: min, maxLength: max });
const optional = (one: fc.Arbitrary<string | readonly string[]>): fc.Arbitrary<string | readonly string[]> =>
  fc.oneof(fc.constant([]), one);

const command = fc.oneof(
  words("SET", key, value, setWords),
  words(fc.constantFrom("SETEX", "setex"), key, seconds, value),
  words("PSETEX", key, ms, value),
  words(fc.constantFrom("SETNX", "GETSET", "APPEND"), key, value),
  words(
    fc.constantFrom("GET", "GETDEL", "STRLEN", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST", "TYPE", "INCR", "DECR"),
    key,
  ),
  words("GETEX", key, optional(fc.oneof(timed, fc.constantFrom("PERSIST", "BOGUS")))),
  words(fc.constantFrom("MGET", "DEL", "UNLINK", "EXISTS", "TOUCH"), some(key)),
  words(fc.constantFrom("MSET", "MSETNX"), key, value, some(value, 0, 2)),
  words("EXPIRE", key, seconds, optional(condition), optional(condition)),
  words("PEXPIRE", key, ms, optional(condition)),
  words("EXPIREAT", key, atSeconds, optional(condition)),
  words("PEXPIREAT", key, atMs, optional(condition)),
  words(fc.constantFrom("INCRBY", "DECRBY", "INCRBYFLOAT"), key, number),
  words("GETRANGE", key, number, number),
  words("SETRANGE", key, fc.constantFrom("0", "5", "-1", "x"), value),
  words(fc.constantFrom("HSET", "HMSET"), key, field, value, some(value, 0, 2)),
  words("HSETNX", key, field, value),
  words(fc.constantFrom("HGET", "HEXISTS", "HSTRLEN"), key, field),
  words(fc.constantFrom("HMGET", "HDEL"), key, some(field)),
  words(fc.constantFrom("HGETALL", "HLEN", "HKEYS", "HVALS"), key),
  words(fc.constantFrom("HINCRBY", "HINCRBYFLOAT"), key, field, number),
  words("HSCAN", key, fc.constantFrom("0", "x"), optional(words("MATCH", pattern)), optional(words("COUNT", number))),
  words("KEYS", pattern),
  words(
    "SCAN",
    "0",
    "COUNT",
    fc.constantFrom("1000", "0", "x"),
    optional(words("MATCH", pattern)),
    optional(words("TYPE", fc.constantFrom("hash", "string", "list"))),
  ),
  words(fc.constantFrom("RENAME", "RENAMENX"), key, key),
  words(fc.constantFrom("MULTI", "EXEC", "DISCARD", "UNWATCH", "DBSIZE", "PING", "RESET")),
  words(fc.constantFrom("WATCH"), some(key)),
  words(fc.constantFrom("ECHO", "PING"), value),
  words("SELECT", fc.constantFrom("0", "1", "15", "16", "-1", "x")),
  words(fc.constantFrom("FLUSHDB", "FLUSHALL"), optional(fc.constantFrom("ASYNC", "SYNC", "NOW"))),
  words(fc.constantFrom("AUTH"), some(value, 1, 2)),
  words(
    "HELLO",
    fc.constantFrom("2", "3", "4", "x"),
    optional(words("SETNAME", fc.constantFrom("me", "not me"))),
    optional(fc.constantFrom("AUTH", "AUTH")),
  ),
  words("CLIENT", fc.constantFrom("GETNAME", "SETNAME", "NOPE"), optional(fc.constantFrom("n1", "n 2"))),
  words("OBJECT", fc.constantFrom("NOPE", "ENCODING"), optional(fc.constant("none"))),
  words(fc.constantFrom("get", "set", "NOPE", "nope\r\nthis", "expire", "hset", "config"), some(value, 0, 2)),
);

const step = fc.record({ client: fc.constantFrom(0, 1), args: command });
const UNORDERED = new Set(["KEYS", "HGETALL", "HKEYS", "HVALS", "SCAN", "HSCAN"]);

/** What may differ: the order of keys, the client's number, and the moment at which a time was read. */
function comparable(args: readonly string[], reply: unknown): unknown {
  const name = (args[0] ?? "").toUpperCase();
  if (UNORDERED.has(name)) return sorted(reply);
  if (name === "HELLO" && Array.isArray(reply)) return [...(reply as unknown[]).slice(0, 2), ...(reply as unknown[]).slice(4, 6)];
  if (name === "EXEC" && Array.isArray(reply)) return reply.map(roughly).map(sorted);
  return /^(P?TTL|P?EXPIRETIME)$/.test(name) ? roughly(reply) : reply;
}

function sorted(reply: unknown): unknown {
  return Array.isArray(reply) ? reply.map(sorted).sort((a, b) => (show(a) < show(b) ? -1 : 1)) : reply;
}

const show = (reply: unknown): string => JSON.stringify(reply, (_, one: unknown) => (typeof one === "bigint" ? `${one}n` : one));

/** Times that are told a moment later. */
function roughly(reply: unknown): unknown {
  if (typeof reply !== "bigint" || reply < 90n) return reply;
  return reply > 3_000_000_000n ? (reply / 10_000n) * 10_000n : reply - (reply % 50n === 49n ? 49n : reply % 50n);
}

async function isSame(
  ours: readonly RedisWire[],
  theirs: readonly RedisWire[],
  steps: readonly { client: number; args: readonly string[] }[],
): Promise<void> {
  for (const one of [...ours, ...theirs]) {
    await one.call("RESET");
    await one.call("FLUSHALL");
  }
  const done: string[] = [];
  for (const { client, args } of steps) {
    const [our, their] = await Promise.all([ours[client]!.call(...args), theirs[client]!.call(...args)]);
    done.push(`${client}: ${JSON.stringify(args)} → ${show(their)}`);
    expect(comparable(args, our), done.join("\n")).toEqual(comparable(args, their));
  }
}

describe.skipIf(version?.startsWith(COMPARED) !== true)(
  `the same commands to Redis ${COMPARED}x (here: ${version ?? "none"})`,
  () => {
    it("get the same replies, errors included", { timeout: 240_000 }, async () => {
      const ours = await StateServerProgram.started("--fsync", "everysec");
      const theirs = await startRedis();
      const clients = async (connect: () => Promise<RedisWire>): Promise<RedisWire[]> => [await connect(), await connect()];
      const [mine, real] = [await clients(() => ours.connect()), await clients(() => theirs.connect())];
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => isSame(mine, real, steps)),
        {
          numRuns: Number(process.env["DIFFERENTIAL_RUNS"] ?? 150),
          endOnFailure: process.env["DIFFERENTIAL_SHRINK"] === undefined,
        },
      );
    });
  },
);
