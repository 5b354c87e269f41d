import { expect, test } from "vitest";
import { parseDailyWindow } from "../../../../src/base/daily-window.ts";
import { hindrance, type Surroundings } from "../../../../src/core/preparation/hindrance.ts";
import { record, step } from "../../../support/steps.ts";

const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  now: 0,
  load: 0,
  records: [],
  isDeploying: () => false,
  ...more,
});
const window = (text: string) => ({ text, spec: parseDailyWindow(text) });

test("what it needs must be done, not only begun; a need of another app with the same name does not count", () => {
  const one = record(step("0002-b", { needs: ["0001-a"] }));
  const need = record(step("0001-a"), { state: "running", lane: null });
  expect(hindrance(one, around({ records: [one, need] }))).toBe("needs 0001-a, which is running");
  expect(hindrance(one, around({ records: [one, { ...need, state: "done" }] }))).toBeNull();
  expect(hindrance(one, around({ records: [one, { ...need, state: "done", app: "other" }] }))).toBe(
    "needs 0001-a, which is not there",
  );
});

test("a window is kept by one that runs too, unless an operator wants it now", () => {
  const one = record(step("0001-a", { window: window("01:00-05:00 UTC") }), { state: "running" });
  const at = (hour: number): number => Date.UTC(2026, 5, 1, hour);
  expect(hindrance(one, around({ now: at(1) }))).toBeNull();
  expect(hindrance(one, around({ now: at(5) }))).toBe("waits for its window, next 2026-06-02 01:00 UTC");
  expect(hindrance({ ...one, anyTime: true }, around({ now: at(5) }))).toBeNull();
});

test("where the clocks change, a window in the hour that is left out begins after it", () => {
  const one = record(step("0001-a", { window: window("02:30-05:00 Europe/Vienna") }));
  const at = (hour: number, minute: number): number => Date.UTC(2026, 2, 29, hour, minute);
  expect(hindrance(one, around({ now: at(0, 59) }))).toBe("waits for its window, next 2026-03-29 03:00 Europe/Vienna");
  expect(hindrance(one, around({ now: at(1, 0) }))).toBeNull();
  expect(hindrance(one, around({ now: at(3, 0) }))).toBe("waits for its window, next 2026-03-30 02:30 Europe/Vienna");
});

test("a load over the limit stops it, and it goes on only when the load is clearly below", () => {
  const running = record(step("0001-a", { maxLoad: 1 }), { state: "running" });
  expect(hindrance(running, around({ load: 0.95 }))).toBeNull();
  expect(hindrance(running, around({ load: 1.2 }))).toBe("the machine's load of 1.20 per core is above 1");
  expect(hindrance({ ...running, state: "waiting" }, around({ load: 0.95 }))).not.toBeNull();
  expect(hindrance({ ...running, state: "waiting" }, around({ load: 0.85 }))).toBeNull();
});

test("one at a time for a database, whoever's step it is; waits disturb nobody; a deployment expands by itself", () => {
  const running = record(step("0009-z"), { app: "other", state: "running" });
  const one = record(step("0001-a"));
  const wait = record(step("0002-b", { work: { kind: "wait", until: { kind: "time", at: 0 } } }));
  expect(hindrance(one, around({ records: [one, running] }))).toBe("other's 0009-z runs, and one runs at a time");
  expect(hindrance(one, around({ records: [one, { ...running, lane: "elsewhere" }] }))).toBeNull();
  expect(hindrance(wait, around({ records: [wait, running] }))).toBeNull();
  const expand = record(step("expand", { work: { kind: "expand" } }));
  expect(hindrance(expand, around({ isDeploying: () => true }))).toBe("a deployment is under way");
});
