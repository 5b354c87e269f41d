import { expect, test } from "vitest";
import { HealthRecord, type HealthChange } from "../../../src/engine/health-record.ts";

/** Looks once a second; `d` is down, `u` is up. Gives each change with its second. */
function looks(seen: string, sickAfterMs = 30_000): (readonly [number, HealthChange])[] {
  const record = new HealthRecord(0);
  const changes: (readonly [number, HealthChange])[] = [];
  let isSick = false;
  for (const [second, one] of seen.split("").entries()) {
    const change = record.look(second * 1_000, one === "d", { isSick, sickAfterMs });
    if (change === null) continue;
    isSick = change === "sick";
    changes.push([second, change]);
  }
  return changes;
}

test("down for the whole time is sick; well again is only who has passed for half a minute", () => {
  expect(looks("u".repeat(10) + "d".repeat(40) + "u".repeat(40))).toEqual([
    [40, "sick"],
    [80, "well"],
  ]);
});

test("scenario 24: a short time down is nothing", () => {
  expect(looks("u".repeat(10) + "d".repeat(29) + "u".repeat(100))).toEqual([]);
});

test("flapping: the fifth time within ten minutes is as good as down, and stays so", () => {
  expect(looks("uuuuuuuuud".repeat(5) + "u".repeat(100))).toEqual([[49, "sick"]]);
  expect(looks(`${"u".repeat(200)}d`.repeat(5))).toEqual([]);
});
