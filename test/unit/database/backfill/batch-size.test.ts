import fc from "fast-check";
import { expect, it } from "vitest";
import { firstSize, halved, isSmallest, nextSize } from "../../../../src/database/backfill/batch-size.ts";

it("comes to batches of the wanted time, whatever a row costs, and follows when it becomes dearer", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.003, max: 2, noNaN: true }), fc.double({ min: 1, max: 20, noNaN: true }), (cost, dearer) => {
      let size = firstSize("rows");
      for (let batch = 0; batch < 20; batch++) size = nextSize(size, size.size * cost, 150);
      expect(size.size * cost).toBeGreaterThan(Math.min(75, 50 * cost) - 1);
      expect(size.size * cost).toBeLessThan(Math.max(200, 51 * cost));
      for (let batch = 0; batch < 20; batch++) size = nextSize(size, size.size * cost * dearer, 150);
      expect(size.size * cost * dearer).toBeLessThan(Math.max(200, 51 * cost * dearer));
    }),
  );
});

it("never grows by more than three times at once", () => {
  const size = nextSize(firstSize("rows"), 0.1, 150);
  expect(size.size).toBe(1_500);
});

it("closes in on a row that fails in a number of batches that grows with the logarithm", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999 }), (bad) => {
      let size = { ...firstSize("rows"), size: 100_000 };
      let at = 0;
      let batches = 0;
      while (!(isSmallest(size) && at + size.size > bad)) {
        batches++;
        if (at + size.size > bad) size = halved(size);
        else {
          at += size.size;
          size = nextSize(size, 1, 150);
        }
      }
      expect(at).toBeLessThanOrEqual(bad);
      expect(batches).toBeLessThan(40);
    }),
  );
});
