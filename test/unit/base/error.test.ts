import { describe, expect, test } from "vitest";
import { ERROR_CODES, ERROR_KINDS } from "../../../src/base/error-codes.ts";
import { HitlessError, assert, exitCodeOf, toFailure } from "../../../src/base/error.ts";

describe("a HitlessError", () => {
  const failure = { code: "ERR_TIMEOUT", what: "It took long.", why: "The disk is slow.", next: "Wait." } as const;

  test("says what and why, and carries the failure and its cause", () => {
    const cause = new Error("inner");
    const error = new HitlessError(failure, { cause });
    expect(error).toMatchObject({
      name: "HitlessError",
      code: "ERR_TIMEOUT",
      message: "It took long. The disk is slow.",
      failure,
    });
    expect(error.cause).toBe(cause);
  });

  test("without a why says what", () => {
    expect(new HitlessError({ code: "ERR_TIMEOUT", what: "It took long." }).message).toBe("It took long.");
  });

  test("caught, is the failure it was; anything else gets the given code and keeps its message", () => {
    expect(toFailure(new HitlessError(failure), "ERR_USAGE", "Another.")).toBe(failure);
    const [code, what] = ["ERR_BUILD_FAILED", "It failed."] as const;
    expect(toFailure(new Error("boom"), code, what)).toEqual({ code, what, why: "boom" });
    expect(toFailure("text", code, what)).toEqual({ code, what, why: "text" });
    expect(toFailure(undefined, code, what)).toEqual({ code, what, why: "undefined" });
  });
});

describe("scenario 106: exit codes", () => {
  test("are those of the kinds, each kind its own, none of them success or a crash of Node.js", () => {
    for (const [code, { kind }] of Object.entries(ERROR_CODES))
      expect(exitCodeOf(code as keyof typeof ERROR_CODES)).toBe(ERROR_KINDS[kind].exit);
    const exits = Object.values(ERROR_KINDS).map(({ exit }) => exit);
    expect(new Set(exits).size).toBe(exits.length);
    expect(Math.min(...exits)).toBeGreaterThan(1);
    expect(Math.max(...exits)).toBeLessThan(256);
  });
});

describe("a rule", () => {
  test("that holds passes; one that does not is an ERR_INVARIANT with the rule in it", () => {
    assert(true, "never seen");
    expect(() => {
      assert(false, "two is one");
    }).toThrow(expect.objectContaining({ code: "ERR_INVARIANT", message: expect.stringContaining("two is one") as string }));
  });
});
