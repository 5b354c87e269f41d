import fc from "fast-check";
import { expect, test } from "vitest";
import { addToLook, lookPValue, NO_LOOK, type Look } from "../../../../src/core/judging/look.ts";

const group = fc.integer({ min: 1, max: 12 });
const window = fc.record({ old: group, fresh: group, any: fc.nat() });

/** Every way in which the events of these windows can fall on the new release, with its chance. */
function outcomes(look: Look, chance: number, windows: readonly { old: number; fresh: number; any: number }[]): [Look, number][] {
  const [first, ...rest] = windows;
  if (first === undefined) return [[look, chance]];
  const { old, fresh, any } = first;
  const events = any % (old + fresh + 1);
  const { law } = addToLook(NO_LOOK, { requests: old, events }, { requests: fresh, events: 0 });
  return law.flatMap((one, x) =>
    one === 0
      ? []
      : outcomes(addToLook(look, { requests: old, events: events - x }, { requests: fresh, events: x }), chance * one, rest),
  );
}

test("without a difference the chance of a p-value of at most a is at most a, for every a", () => {
  fc.assert(
    fc.property(fc.array(window, { minLength: 1, maxLength: 3 }), (windows) => {
      const all = outcomes(NO_LOOK, 1, windows).map(([look, chance]) => ({ p: lookPValue(look, true), chance }));
      expect(all.reduce((sum, { chance }) => sum + chance, 0)).toBeCloseTo(1, 9);
      for (const { p: a } of all) {
        const most = all.reduce((sum, { p, chance }) => (p <= a + 1e-12 ? sum + chance : sum), 0);
        expect(most).toBeLessThanOrEqual(a + 1e-9);
      }
    }),
    { numRuns: 50 },
  );
});

test("it looks once: before its time it says nothing, and what comes after its time changes nothing", () => {
  const [old, fresh] = [
    { requests: 4_000, events: 0 },
    { requests: 250, events: 25 },
  ];
  const early = addToLook(NO_LOOK, old, fresh);
  expect([lookPValue(early, false), lookPValue(early, true) < 1e-9]).toEqual([1, true]);
  const due = addToLook(early, old, fresh);
  expect(due).toMatchObject({ requests: 500, isDone: true });
  expect(lookPValue(due, false)).toBeLessThan(1e-9);
  expect(addToLook(due, old, fresh)).toBe(due);
});

test("a window of a hundred thousand requests is no burden", () => {
  const look = addToLook(NO_LOOK, { requests: 90_000, events: 4_500 }, { requests: 10_000, events: 500 });
  expect(look.isDone).toBe(true);
  expect(lookPValue(look, false)).toBeGreaterThan(0.4);
});
