import fc from "fast-check";
import { expect, it } from "vitest";
import { restarted, seen, staffed, type Staffing } from "../../../../src/database/backfill/staffing.ts";

/** Batches of 100 ms by each worker; `rate(workers)` rows per millisecond by all of them. */
function after(batches: number, most: number, rate: (workers: number) => number): Staffing {
  let staffing = staffed(most, 0);
  for (let at = 0, batch = 0; batch < batches; batch++) {
    at += 100 / staffing.workers;
    staffing = seen(staffing, { at, rows: (rate(staffing.workers) * 100) / staffing.workers });
  }
  return staffing;
}

it("keeps as many workers as make it faster", () => {
  expect(after(200, 4, (workers) => workers).workers).toBe(4);
  expect(after(200, 4, () => 10).workers).toBe(1);
  expect(after(200, 4, (workers) => Math.min(workers, 2)).workers).toBe(2);
  expect(after(200, 1, (workers) => workers)).toMatchObject({ workers: 1, settled: true });
});

it("never has more than it may, nor none, and forgets what it measured while it was slowed down", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.nat(1_000), { maxLength: 300 }), (most, batches) => {
      let staffing = staffed(most, 0);
      for (const [at, rows] of batches.entries()) {
        staffing = rows === 0 ? restarted(staffing, at) : seen(staffing, { at, rows });
        expect(staffing.workers).toBeGreaterThanOrEqual(1);
        expect(staffing.workers).toBeLessThanOrEqual(most);
      }
    }),
  );
});
