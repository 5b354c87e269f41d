import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../../../src/base/rng.ts";
import { addSessions, nodeBound, NO_SESSIONS, type SessionCounts } from "../../../../src/core/statelessness/session-routes.ts";

const named = (counts: SessionCounts) => ({ release: "r1", route: "GET /me", cookie: "sid", ...counts });
const isBound = (counts: SessionCounts): boolean => nodeBound([named(counts)]).length > 0;

test("sessions that are lost on other nodes alone are bound to theirs", () => {
  expect(isBound({ own: 40, ownLost: 0, other: 30, otherLost: 30 })).toBe(true);
  expect(isBound({ own: 40, ownLost: 2, other: 30, otherLost: 25 })).toBe(true);
});

test("nothing is said of a few, of one side alone, and of what is lost everywhere or on its own node", () => {
  expect(isBound(NO_SESSIONS)).toBe(false);
  expect(isBound({ own: 40, ownLost: 0, other: 4, otherLost: 4 })).toBe(false);
  expect(isBound({ own: 4, ownLost: 0, other: 400, otherLost: 400 })).toBe(false);
  expect(isBound({ own: 0, ownLost: 0, other: 500, otherLost: 250 })).toBe(false);
  expect(isBound({ own: 500, ownLost: 500, other: 500, otherLost: 500 })).toBe(false);
  expect(isBound({ own: 500, ownLost: 100, other: 500, otherLost: 3 })).toBe(false);
});

test("what is lost by chance, as often on any node, is never said to be bound, however often one looks", () => {
  const chance = fc.record({
    seed: fc.nat(),
    loss: fc.double({ min: 0, max: 1, noNaN: true }),
    nodes: fc.integer({ min: 2, max: 9 }),
  });
  fc.assert(
    fc.property(chance, ({ seed, loss, nodes }) => {
      const rng = createRng(seed);
      let counts = NO_SESSIONS;
      for (let request = 0; request < 2_000; request += 1) {
        const [own, lost] = [rng.chance(1 / nodes), rng.chance(loss) ? 1 : 0];
        const one = own ? { own: 1, ownLost: lost } : { other: 1, otherLost: lost };
        counts = addSessions(counts, { ...NO_SESSIONS, ...one });
        if (request % 50 === 0) expect(isBound(counts)).toBe(false);
      }
    }),
  );
});
