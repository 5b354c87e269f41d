import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../../src/base/rng.ts";

describe("a seeded generator", () => {
  test("gives the same numbers for the same seed, as it did when this was written", () => {
    const rng = createRng(42);
    expect([rng.next(), rng.next(), rng.next()]).toEqual([0.6011037519201636, 0.44829055899754167, 0.8524657934904099]);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const [a, b] = [createRng(seed), createRng(seed)];
        for (let draw = 0; draw < 20; draw += 1) expect(a.next()).toBe(b.next());
      }),
    );
  });

  test("gives other numbers for another seed", () => {
    const firsts = Array.from({ length: 1_000 }, (_, seed) => createRng(seed).next());
    expect(new Set(firsts).size).toBe(1_000);
  });

  test("stays within its limits and reaches both", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 5 }), (seed, from, span) => {
        const rng = createRng(seed);
        const seen = new Set(Array.from({ length: 300 }, () => rng.between(from, from + span)));
        expect([...seen].toSorted((a, b) => a - b)).toEqual(Array.from({ length: span + 1 }, (_, index) => from + index));
      }),
    );
  });

  test("picks every item, and what never or always happens never or always does", () => {
    const rng = createRng(7);
    expect(new Set(Array.from({ length: 100 }, () => rng.pick(["a", "b", "c"])))).toEqual(new Set(["a", "b", "c"]));
    expect(rng.pick(["only"])).toBe("only");
    for (let draw = 0; draw < 100; draw += 1) {
      expect(rng.chance(0)).toBe(false);
      expect(rng.chance(1)).toBe(true);
    }
  });

  test("is as likely as it says", () => {
    const rng = createRng(1);
    const hits = Array.from({ length: 10_000 }, () => rng.chance(0.3)).filter(Boolean).length;
    expect(hits).toBeGreaterThan(2_800);
    expect(hits).toBeLessThan(3_200);
  });
});
