import fc from "fast-check";
import { expect, it } from "vitest";
import {
  batchShare,
  BLIND,
  briefSpeed,
  FIRST_PACE,
  nextPace,
  SLOWEST,
  type PaceState,
  type Reading,
} from "../../../../src/database/backfill/pace-law.ts";

const reading = fc.record({
  name: fc.constantFrom("latency", "replication lag", "checkpoint"),
  load: fc.option(fc.double({ min: 0, max: 50, noNaN: true })),
  text: fc.string({ minLength: 1 }),
  yields: fc.boolean(),
  most: fc.option(fc.double({ min: SLOWEST, max: 1, noNaN: true }), { nil: undefined }),
});
const readings = fc.array(reading, { maxLength: 5 });

const after = (rounds: readonly (readonly Reading[])[]): PaceState => rounds.reduce(nextPace, FIRST_PACE);
const FULL: PaceState = { speed: 1, reason: null, room: { speed: 1, reason: null } };
const calm: Reading = { name: "latency", load: 0, text: "calm" };

it("stays between nothing and everything, and is never slow without saying why", () => {
  fc.assert(
    fc.property(fc.array(readings, { maxLength: 40 }), (rounds) => {
      const { speed, reason } = after(rounds);
      expect(speed === 0 || (speed >= SLOWEST && speed <= 1)).toBe(true);
      if (speed < 1) expect(reason).not.toBeNull();
    }),
  );
});

it("goes at a tenth at least with what is nearly over, as far as nothing else than what users feel holds it back", () => {
  const felt = { ...calm, most: SLOWEST };
  expect(briefSpeed(nextPace(FULL, [felt]))).toBe(0.1);
  expect(briefSpeed(nextPace(FULL, [{ ...calm, most: 0.4 }]))).toBe(0.4);
  expect(briefSpeed(nextPace(FULL, [{ ...calm, most: 0 }]))).toBe(0);
  expect(briefSpeed(nextPace(FULL, [{ ...felt, yields: true }]))).toBe(0);
  const lagging = after(Array.from({ length: 20 }, () => [felt, { name: "replication lag", load: 2, text: "late" }]));
  expect(briefSpeed(lagging)).toBe(SLOWEST);
});

it("fails closed: without a signal, or with one that says nothing, it is slow", () => {
  fc.assert(
    fc.property(fc.array(readings, { maxLength: 20 }), readings, (rounds, last) => {
      const { speed } = nextPace(after(rounds), [...last, { name: "latency", load: null, text: "no answer" }]);
      expect(speed).toBeLessThanOrEqual(BLIND);
    }),
  );
  expect(nextPace(FULL, [])).toMatchObject({ speed: BLIND, reason: "nothing says what it costs" });
});

it("is never faster for a signal that is worse", () => {
  fc.assert(
    fc.property(
      fc.array(readings, { maxLength: 20 }),
      readings,
      fc.nat(4),
      fc.double({ min: 0, max: 9, noNaN: true }),
      (rounds, last, at, more) => {
        const worse = last.map((one, index) => (index === at && one.load !== null ? { ...one, load: one.load + more } : one));
        const state = after(rounds);
        expect(nextPace(state, worse).speed).toBeLessThanOrEqual(nextPace(state, last).speed);
      },
    ),
  );
});

it("stops for somebody who waits for it, becomes slower beyond the limit, and comes back to full speed in a few rounds of calm", () => {
  fc.assert(
    fc.property(fc.array(readings, { maxLength: 40 }), (rounds) => {
      let state = after(rounds);
      expect(nextPace(state, [{ ...calm, yields: true }]).speed).toBe(0);
      const slower = nextPace(state, [{ ...calm, load: 1.5, text: "too much" }]);
      expect(slower.room.speed).toBeLessThan(Math.max(state.room.speed, SLOWEST + 1e-9));
      expect(slower.reason).toBe("too much");
      for (let round = 0; round < 8; round++) state = nextPace(state, [calm]);
      expect(state).toEqual(FULL);
    }),
  );
});

it("goes no faster than a signal that keeps a speed of its own, for its reason, and comes back at once when that lets go", () => {
  const bound: Reading = { ...calm, most: 0.03, text: "it is felt" };
  expect(nextPace(FULL, [calm, bound])).toMatchObject({ speed: 0.03, reason: "it is felt" });
  expect(nextPace(nextPace(FULL, [bound]), [calm])).toEqual(FULL);
});

it("makes batches shorter the slower it is, from their usual time at full speed to a 50th of it", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, (one, other) => {
      expect(batchShare(Math.min(one, other))).toBeLessThanOrEqual(batchShare(Math.max(one, other)));
    }),
  );
  expect([batchShare(1), batchShare(0.5), batchShare(0)]).toEqual([1, 0.02, 0.02]);
});
