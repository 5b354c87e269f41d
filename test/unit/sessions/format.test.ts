import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeSession,
  defineSessionFormat,
  encodeSession,
  releaseOf,
  type SessionData,
  type SessionFormat,
} from "../../../src/sessions/store/format.ts";

/** Three releases of one application: a name in one field, then in two, then in a record. Each pair is lossless. */
const r41: SessionFormat = defineSessionFormat({ version: 1 });
const r42: SessionFormat = defineSessionFormat({
  version: 2,
  oldest: 1,
  upgrade: ({ name, ...rest }) => {
    const [first, last] = String(name).split("|");
    return { ...rest, first, last };
  },
  downgrade: ({ first, last, ...rest }) => ({ ...rest, name: `${String(first)}|${String(last)}` }),
});
const r43: SessionFormat = defineSessionFormat({
  version: 3,
  oldest: 1,
  upgrade: (session, from) => {
    const { first, last, ...rest } = from === 1 ? r42.upgrade!(session, 1) : session;
    return { ...rest, person: { first, last } };
  },
  downgrade: ({ person, ...rest }, to) => {
    const second = { ...rest, ...(person as object) };
    return to === 2 ? second : r42.downgrade!(second, 1);
  },
});
const RELEASES = [r41, r42, r43];

const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const word = fc.string({ maxLength: 10 }).filter((text) => !text.includes("|"));
const others = fc.dictionary(fc.constantFrom("cookie", "cart", "__proto", "$x", "user"), json, { maxKeys: 4 });

describe("versions of a session's form", () => {
  it("lose nothing, whichever releases read and write it one after the other", () => {
    fc.assert(
      fc.property(others, word, word, fc.array(fc.constantFrom(0, 1, 2), { maxLength: 8 }), (rest, first, last, path) => {
        const forms: readonly SessionData[] = [
          { ...rest, name: `${first}|${last}` },
          { ...rest, first, last },
          { ...rest, person: { first, last } },
        ];
        let text = encodeSession(forms[0]!, r41, undefined);
        for (const release of path) {
          const read = decodeSession(text, RELEASES[release]!);
          expect(read).toEqual(forms[release]);
          text = encodeSession(read!, RELEASES[release]!, `r${41 + release}`);
          expect(releaseOf(text)).toBe(`r${41 + release}`);
          // Whoever wrote it, all three can read it.
          for (const [i, format] of RELEASES.entries()) expect(decodeSession(text, format)).toEqual(forms[i]);
        }
      }),
    );
  });

  it("what stores of others have written is version 1, and version 1 stays readable for them", () => {
    expect(decodeSession('{"cookie":{},"name":"a|b"}', r42)).toEqual({ cookie: {}, first: "a", last: "b" });
    expect(encodeSession({ cookie: {}, n: 1 }, r41, undefined)).toBe('{"cookie":{},"n":1}');
  });

  it("a newer form without a copy, or no session at all, is none; it is never taken for something else", () => {
    const { downgrade: _, ...oneWay } = r42;
    expect(decodeSession(encodeSession({ first: "a", last: "b" }, oneWay, "r42"), r41)).toBeNull();
    expect(decodeSession("[1]", r41)).toBeNull();
    expect(decodeSession("no json", r41)).toBeNull();
    expect(decodeSession(encodeSession({ name: "a|b" }, r41, "r41"), { version: 5 })).toBeNull();
  });

  it("the session itself is not changed by what is made of it", () => {
    const session = { first: "a", last: "b", at: new Date(0) };
    const changing: SessionFormat = { version: 2, oldest: 1, downgrade: (given) => Object.assign(given, { first: "changed" }) };
    expect(decodeSession(encodeSession(session, changing, undefined), changing)).toMatchObject({
      first: "a",
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(session.first).toBe("a");
  });
});
