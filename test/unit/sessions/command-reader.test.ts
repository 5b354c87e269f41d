import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommandReader, ProtocolError } from "../../../src/sessions/resp/command-reader.ts";
import { splitInline } from "../../../src/sessions/resp/inline.ts";
import { encode } from "../../support/sessions/redis-wire.ts";

const LIMITS = { argumentBytesMax: 1_000, commandBytesMax: 1_500 };
const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });
const command = fc.array(bytes, { minLength: 1, maxLength: 5 });

function readAll(reader: CommandReader, input: Buffer, cuts: readonly number[]): (readonly string[])[] {
  const found: (readonly string[])[] = [];
  let from = 0;
  for (const to of [...cuts, input.length]) {
    // What is fed is only lent: it is written over afterwards.
    const chunk = Buffer.from(input.subarray(from, to));
    if (chunk.length > 0) reader.feed(chunk);
    for (let next = reader.next(); next !== null; next = reader.next()) found.push(next);
    reader.keep();
    chunk.fill(0x2a);
    from = to;
  }
  return found;
}

describe("a reader of commands", () => {
  it("gives the same commands wherever the input is cut", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 6 }), fc.array(fc.nat(600), { maxLength: 8 }), (commands, places) => {
        const input = Buffer.from(commands.map(encode).join(""), "latin1");
        const cuts = places.filter((place) => place < input.length).sort((a, b) => a - b);
        expect(readAll(new CommandReader(LIMITS), input, cuts)).toEqual(commands);
      }),
    );
  });

  it("hands what is left to another reader at any byte", () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 4 }), fc.nat(400), (commands, place) => {
        const input = Buffer.from(commands.map(encode).join(""), "latin1");
        const first = new CommandReader(LIMITS);
        const before = readAll(first, input.subarray(0, place % input.length), []);
        const second = new CommandReader(LIMITS);
        const rest = Buffer.concat([first.rest(), input.subarray(place % input.length)]);
        expect([...before, ...readAll(second, rest, [])]).toEqual(commands);
      }),
    );
  });

  it.each([
    ["*abc\r\n", "invalid multibulk length"],
    ["*99999999\r\n", "invalid multibulk length"],
    ["*1\r\n:3\r\n", "expected '$', got ':'"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$9999999999999999999999\r\n", "invalid bulk length"],
    ["*1\r\n$1001\r\n", "invalid bulk length"],
    [`*2\r\n$1000\r\n${"x".repeat(1_000)}\r\n$501\r\n`, "too big command"],
    [`*${"1".repeat(70_000)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(70_000)}`, "too big bulk count string"],
    ["x".repeat(70_000), "too big inline request"],
    ['SET a "b\r\n', "unbalanced quotes in request"],
  ])("refuses %.30j", (input, message) => {
    expect(() => readAll(new CommandReader(LIMITS), Buffer.from(input, "latin1"), [])).toThrow(new ProtocolError(message));
  });

  it("takes no memory for what is only announced", () => {
    const reader = new CommandReader({ argumentBytesMax: 2 ** 30, commandBytesMax: 2 ** 30 });
    reader.feed(Buffer.from("*1\r\n$1000000000\r\nabc"));
    expect(reader.next()).toBeNull();
    reader.keep();
    expect(reader.pending).toBe(3);
  });

  it("lets little in before the password", () => {
    const restricted = (): CommandReader =>
      Object.assign(new CommandReader({ argumentBytesMax: 1e6, commandBytesMax: 1e6 }), { restricted: true });
    expect(() => readAll(restricted(), Buffer.from("*11\r\n"), [])).toThrow("unauthenticated multibulk length");
    expect(() => readAll(restricted(), Buffer.from("*2\r\n$16385\r\n"), [])).toThrow("unauthenticated bulk length");
    expect(readAll(restricted(), Buffer.from(encode(["AUTH", "secret"])), [])).toEqual([["AUTH", "secret"]]);
  });

  it("reads lines typed by hand", () => {
    expect(readAll(new CommandReader(LIMITS), Buffer.from("\r\nPING\r\nset  k \"a\\x41\\n\" 'it\\'s'\nGET k\r\n"), [3])).toEqual([
      ["PING"],
      ["set", "k", "aA\n", "it's"],
      ["GET", "k"],
    ]);
    expect(splitInline('"a"b')).toBeNull();
    expect(splitInline('a"b c"')).toEqual(["ab c"]);
  });
});
