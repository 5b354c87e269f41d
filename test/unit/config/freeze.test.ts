import { expect, test } from "vitest";
import { freezeSchema } from "../../../src/api/freeze.ts";
import { freeze } from "../../../src/config/freeze.ts";

const WEEKEND = { cron: "0 16 * * 5", for: "62h", timeZone: "Europe/Vienna" };

test("windows by cron expression and by the clock on the wall, named or not, as the daemon takes them", () => {
  const windows = freeze.parse([{ name: "weekend", ...WEEKEND }, { window: "Mon-Thu 22:00-06:00 Europe/Vienna" }]);
  expect(windows).toEqual([
    { name: "weekend", window: { kind: "cron", cron: "0 16 * * 5", forMs: 62 * 3_600_000, timeZone: "Europe/Vienna" } },
    {
      name: "Mon-Thu 22:00-06:00 Europe/Vienna",
      window: { kind: "daily", days: [1, 2, 3, 4], from: 1_320, to: 360, timeZone: "Europe/Vienna" },
    },
  ]);
  expect(freezeSchema.parse(windows)).toEqual(windows);
});

test.each([
  [{ ...WEEKEND, cron: "at four" }, '"at four" is not a cron expression'],
  [{ ...WEEKEND, timeZone: "Vienna" }, '"Vienna" is not a time zone'],
  [{ ...WEEKEND, window: "01:00-02:00 UTC" }, "expected either window"],
  [{ cron: "0 16 * * 5" }, "expected either window"],
  [{ window: "at night" }, '"at night" is not a window'],
  [{}, "expected either window"],
])("%j is refused", (entry, reason) => {
  const { error } = freeze.safeParse([entry]);
  expect(error?.issues.map(({ message }) => message).join("\n")).toContain(reason);
});
