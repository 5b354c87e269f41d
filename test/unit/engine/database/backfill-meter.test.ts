import { expect, test } from "vitest";
import { BackfillMeter } from "../../../../src/engine/database/backfill-meter.ts";

test("the rate of a run that was resumed is its own: what an earlier one walked took none of its time", () => {
  let now = 0;
  const clock = { now: () => now, sleepUntil: () => Promise.resolve() };
  const before = { after: ["900"], until: null, rows: 900, walked: 900 };
  const meter = new BackfillMeter({ clock, total: 1_000, cursors: [before], onProgress: () => undefined });
  now = 1_000;
  meter.batch(before, { ...before, after: ["1000"], rows: 1_000, walked: 1_000 });
  expect(meter).toMatchObject({ rows: 1_000, walked: 1_000, rowsPerSecond: 100 });
});
