import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDailyWindow } from "../../../src/base/daily-window.ts";
import { timeWindow, type TimeWindow } from "../../../src/base/time-window.ts";

const HOUR = 3_600_000;

function daily(text: string): TimeWindow {
  return timeWindow(parseDailyWindow(text));
}

function cron(expression: string, hours: number, timeZone = "UTC"): TimeWindow {
  return timeWindow({ kind: "cron", cron: expression, forMs: hours * HOUR, timeZone });
}

/** The stretches that begin after `from`, as text. */
function stretches(window: TimeWindow, from: string, count: number): readonly string[] {
  const texts: string[] = [];
  let at = Date.parse(from);
  while (texts.length < count) {
    const start = window.nextChange(at) ?? NaN;
    const end = window.nextChange(start) ?? NaN;
    expect([window.isOpen(start), window.isOpen(start - 1), window.isOpen(end - 1), window.isOpen(end)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    texts.push(`${short(start)} to ${short(end)}`);
    at = end;
  }
  return texts;
}

function short(at: number): string {
  return new Date(at).toISOString().slice(5, 16);
}

describe("between two times of the wall clock", () => {
  test("on every day, on some, and over midnight", () => {
    expect(stretches(daily("01:00–05:00 UTC"), "2026-01-05T00:00Z", 2)).toEqual([
      "01-05T01:00 to 01-05T05:00",
      "01-06T01:00 to 01-06T05:00",
    ]);
    expect(stretches(daily("Fri 22:00-06:00 America/New_York"), "2026-01-05T00:00Z", 2)).toEqual([
      "01-10T03:00 to 01-10T11:00",
      "01-17T03:00 to 01-17T11:00",
    ]);
    expect(stretches(daily("Fri-Mon 12:30 - 13:00 UTC"), "2026-01-05T14:00Z", 2)).toEqual([
      "01-09T12:30 to 01-09T13:00",
      "01-10T12:30 to 01-10T13:00",
    ]);
  });

  test("whole days run into each other", () => {
    expect(stretches(daily("Sat,Sun 00:00-24:00 UTC"), "2026-01-05T00:00Z", 1)).toEqual(["01-10T00:00 to 01-12T00:00"]);
    expect(daily("00:00-24:00 UTC").nextChange(0)).toBeNull();
  });

  test("the clocks are put forward: the night is an hour shorter", () => {
    expect(stretches(daily("01:00-05:00 Europe/Vienna"), "2026-03-28T12:00Z", 1)).toEqual(["03-29T00:00 to 03-29T03:00"]);
    expect(stretches(daily("02:30-04:00 Europe/Vienna"), "2026-03-28T12:00Z", 1)).toEqual(["03-29T01:00 to 03-29T02:00"]);
  });

  test("the clocks are put forward over all of it: that day there is none", () => {
    expect(stretches(daily("02:10-02:50 Europe/Vienna"), "2026-03-28T00:00Z", 2)).toEqual([
      "03-28T01:10 to 03-28T01:50",
      "03-30T00:10 to 03-30T00:50",
    ]);
  });

  test("the clocks are put back: the night is an hour longer", () => {
    expect(stretches(daily("01:00-05:00 Europe/Vienna"), "2026-10-24T12:00Z", 1)).toEqual(["10-24T23:00 to 10-25T04:00"]);
    expect(stretches(daily("02:30-04:00 Europe/Vienna"), "2026-10-24T12:00Z", 1)).toEqual(["10-25T00:30 to 10-25T03:00"]);
  });

  test.each([
    ["1:00-5:00 UTC", "not a window"],
    ["01:00-05:00", "not a window"],
    ["01:00-01:00 UTC", "no length"],
    ["24:00-01:00 UTC", "no length"],
    ["01:00-25:00 UTC", "not a time of day"],
    ["01:60-02:00 UTC", "not a time of day"],
    ["Mo 01:00-05:00 UTC", "not a day"],
    ["01:00-05:00 Europe/Wien", "not a time zone"],
  ])("%s is refused", (text, reason) => {
    expect(() => parseDailyWindow(text)).toThrow(reason);
  });
});

describe("from the times of a cron expression", () => {
  test("as long as it says, whatever the clocks do", () => {
    expect(stretches(cron("0 16 * * 5", 64, "Europe/Vienna"), "2026-03-24T00:00Z", 2)).toEqual([
      "03-27T15:00 to 03-30T07:00",
      "04-03T14:00 to 04-06T06:00",
    ]);
    expect(stretches(cron("30 2 29 3 *", 1, "Europe/Vienna"), "2026-01-01T00:00Z", 1)).toEqual(["03-29T01:00 to 03-29T02:00"]);
  });

  test("what overlaps or touches is one", () => {
    expect(stretches(cron("0 10,11,13 * * *", 2), "2026-01-05T00:00Z", 1)).toEqual(["01-05T10:00 to 01-05T15:00"]);
    expect(cron("* * * * *", 1).nextChange(0)).toBeNull();
    expect(cron("0 0 30 2 *", 1).nextChange(0)).toBeNull();
  });

  test.each([
    ["0 16 * *", "UTC", "not a cron expression"],
    ["0 0 16 * * 5", "UTC", "not a cron expression"],
    ["0 24 * * *", "UTC", "not a cron expression"],
    ["0 16 * * 5", "Mars/Olympus", "not a time zone"],
  ])("%s %s is refused", (expression, timeZone, reason) => {
    expect(() => cron(expression, 1, timeZone)).toThrow(reason);
  });
});

test("between two changes a window stays as it is", () => {
  const zone = fc.constantFrom(
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Asia/Kolkata",
  );
  const minutes = fc.integer({ min: 0, max: 1_439 });
  const at = fc.integer({ min: Date.parse("2026-01-01"), max: Date.parse("2027-01-01") });
  fc.assert(
    fc.property(
      fc.record({
        timeZone: zone,
        from: minutes,
        to: minutes,
        days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
      }),
      at,
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (spec, time, part) => {
        const window = timeWindow({ kind: "daily", ...spec });
        const next = window.nextChange(time);
        fc.pre(next !== null);
        expect(window.isOpen(Math.min(Math.floor(time + (next - time) * part), next - 1))).toBe(window.isOpen(time));
        expect(window.isOpen(next)).toBe(!window.isOpen(time));
      },
    ),
    { numRuns: 300 },
  );
});
