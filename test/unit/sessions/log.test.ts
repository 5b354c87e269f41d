import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Effects } from "../../../src/sessions/data/effects.ts";
import { Keyspace } from "../../../src/sessions/data/keyspace.ts";
import { memoryOf, type Entry } from "../../../src/sessions/data/entry.ts";
import { Replay } from "../../../src/sessions/data/replay.ts";
import { FRAME_HEAD_BYTES, readFrame, sealFrame } from "../../../src/sessions/log/frames.ts";
import { readRecords, RecordWriter } from "../../../src/sessions/log/records.ts";

const SALT = 0xdead_beef;
const SILENT = { onChange: () => undefined, onExpired: () => undefined, onClear: () => undefined };

type Told = readonly [name: keyof Effects, ...args: readonly unknown[]];

const key = fc.constantFrom("a", "b", "\xff\0");
const database = fc.constantFrom(0, 15);
const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 });
const at = fc.constantFrom(0, 1, 1_800_000_000_000, 2 ** 52);
const told: fc.Arbitrary<Told> = fc.oneof(
  fc.tuple(fc.constant("set" as const), database, key, text, at),
  fc.tuple(fc.constant("remove" as const), database, key),
  fc.tuple(fc.constant("expire" as const), database, key, at),
  fc.tuple(fc.constant("append" as const), database, key, fc.nat(20), text),
  fc.tuple(
    fc.constant("setFields" as const),
    database,
    key,
    fc.array(fc.tuple(key, text), { maxLength: 4 }).map((pairs) => pairs.flat()),
  ),
  fc.tuple(fc.constant("removeFields" as const), database, key, fc.array(key, { maxLength: 3 })),
  fc.tuple(fc.constant("clear" as const), database),
);

function tell(effects: Effects, [name, ...args]: Told): void {
  (effects[name] as (...all: readonly unknown[]) => void)(...args);
}

/** Writes down what it is told. */
function recorder(): { effects: Effects; all: Told[] } {
  const all: Told[] = [];
  const names = ["set", "remove", "expire", "append", "setFields", "removeFields", "clear"] as const;
  const effects = Object.fromEntries(names.map((name) => [name, (...args: readonly unknown[]) => all.push([name, ...args])]));
  return { effects: effects as unknown as Effects, all };
}

function keyspaceWith(effects: Effects = recorder().effects): Keyspace {
  return new Keyspace({ ...SILENT, effects: () => effects });
}

function contents(keyspace: Keyspace): unknown {
  return keyspace.databases.map(({ entries }) =>
    [...entries]
      .map(([name, { value, expireAt }]) => [name, typeof value === "string" ? value : [...value].sort(), expireAt])
      .sort(),
  );
}

/** Does something like it with the keyspace, as commands would: never what makes no sense there. */
function obey(keyspace: Keyspace, wish: Told): void {
  const [name, number, wanted = "", , tail = ""] = wish as readonly [keyof Effects, number, string?, unknown?, string?];
  const entry = keyspace.databases[number]!.entries.get(wanted);
  if (name !== "append") tell(new Replay(keyspace), wish);
  else if (typeof entry?.value === "string")
    keyspace.append(keyspace.databases[number]!, wanted, entry as Entry & { value: string }, tail);
}

describe("the log's records", () => {
  it("say after reading what was told", () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 20 }), (effects) => {
        const writer = new RecordWriter();
        for (const one of effects) tell(writer, one);
        const frame = writer.take();
        sealFrame(frame, 7, SALT);
        const found = readFrame(frame, 0, SALT);
        if (found.kind !== "frame") throw new Error(found.kind);
        const { effects: reader, all } = recorder();
        expect(readRecords(found.body, reader)).toBe(effects.length);
        expect(all).toEqual(effects);
        expect(found).toMatchObject({ number: 7, end: frame.length });
      }),
    );
  });

  it("count as a whole or not at all, whichever byte is missing or wrong", () => {
    const writer = new RecordWriter();
    writer.set(0, "key", "a value", 0);
    const frame = writer.take();
    sealFrame(frame, 1, SALT);
    for (let length = 0; length < frame.length; length += 1)
      expect(readFrame(frame.subarray(0, length), 0, SALT).kind).toBe("short");
    for (let i = 0; i < frame.length; i += 1) {
      const wrong = Buffer.from(frame);
      wrong[i]! ^= 0x40;
      expect(readFrame(wrong, 0, SALT).kind, `byte ${i}`).not.toBe("frame");
    }
    expect(readFrame(frame, 0, SALT + 1).kind).toBe("damaged");
    expect(frame.length).toBeGreaterThan(FRAME_HEAD_BYTES);
  });

  it("lead to the same keys from a snapshot whose keys were each looked at a moment of its own", () => {
    fc.assert(
      fc.property(
        fc.array(told, { maxLength: 30 }),
        fc.nat(30),
        fc.array(fc.nat(30), { minLength: 6, maxLength: 6 }),
        (wishes, from, later) => {
          const { effects, all } = recorder();
          const whole = keyspaceWith(effects);
          for (const wish of wishes) obey(whole, wish);
          const start = Math.min(from, all.length);
          const again = keyspaceWith();
          const names = [0, 15].flatMap((number) => ["a", "b", "\xff\0"].map((name) => [number, name] as const));
          for (const [i, [number, name]] of names.entries()) {
            const past = keyspaceWith();
            for (const one of all.slice(0, Math.min(start + later[i]!, all.length))) tell(new Replay(past), one);
            const entry = past.databases[number]!.entries.get(name);
            if (entry !== undefined) again.place(again.databases[number]!, name, entry.value, entry.expireAt);
          }
          for (const one of all.slice(start)) tell(new Replay(again), one);
          expect(contents(again)).toEqual(contents(whole));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("are told by a keyspace so that another one becomes the same; memory is the sum of what is there", () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 30 }), (effects) => {
        const copy = keyspaceWith();
        const original = keyspaceWith(new Replay(copy));
        for (const one of effects) tell(new Replay(original), one);
        expect(contents(copy)).toEqual(contents(original));
        const all = original.databases.flatMap(({ entries }) => [...entries]);
        expect(original.used).toBe(all.reduce((sum, [name, { value }]) => sum + memoryOf(name, value), 0));
        for (const { entries, expiring } of original.databases)
          expect(expiring).toBe([...entries.values()].filter(({ expireAt }) => expireAt !== 0).length);
      }),
    );
  });
});
