import { expect, test } from "vitest";
import { Ledger } from "../../../../src/proxy/worker/ledger.ts";

const request = (ms: number, at: number) => ({ at, ms, method: "GET", path: "/", release: "r1", status: 200 });

test("of one second only the slowest twenty are told, and each is told once", () => {
  const ledger = new Ledger();
  const at = Date.now();
  for (let ms = 1; ms <= 20; ms += 1) ledger.noteSlow(request(ms, at));
  expect(ledger.take().slowest).toHaveLength(20);
  expect(ledger.isSlow(1)).toBe(false);
  expect(ledger.isSlow(2)).toBe(true);
  ledger.noteSlow(request(50, at));
  expect(ledger.take().slowest.map(({ ms }) => ms)).toEqual([50]);
  expect(ledger.isSlow(2)).toBe(false);
});

test("with the next second everything may be among the slowest again", () => {
  const ledger = new Ledger();
  const at = Date.now() - 5_000;
  for (let ms = 1; ms <= 20; ms += 1) ledger.noteSlow(request(100, at));
  ledger.take();
  expect(ledger.isSlow(1)).toBe(true);
});

test("what is handed over in brief is handed over once, and everything else of it later", () => {
  const ledger = new Ledger();
  ledger.count("r1", "served", 200);
  ledger.time("r1", 5);
  ledger.count("r1", "refused", 431);
  const [brief] = ledger.takeCounts();
  expect([brief?.counts.served, brief?.counts.refused, brief?.latency]).toEqual([1, 1, []]);
  ledger.count("r1", "served", 200);
  ledger.time("r1", 7);
  expect(ledger.isEmpty()).toBe(false);
  const { rows, statuses } = ledger.take();
  expect([rows[0]?.counts.served, rows[0]?.counts.refused]).toEqual([1, 0]);
  expect(rows[0]?.latency).toEqual([
    [5, 1],
    [7, 1],
  ]);
  expect(statuses).toEqual({ classes: [["r1", [0, 0, 2, 0, 1, 0]]], refused: [[431, 1]] });
  expect(ledger.isEmpty()).toBe(true);
});
