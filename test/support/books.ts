import { expect } from "vitest";
import { lostOf, sumRows, totalOf } from "../../src/core/ledger.ts";
import type { LoadProcess } from "./load/load-process.ts";
import { Site } from "./site.ts";

/**
 * Ends the load; then nothing may be lost, clients and ledger must have counted the same, and every order must be there once. `others` is
 * how many more requests the test has made, each served; `posted` are the orders among them.
 */
export async function expectEqualBooks(
  site: Site,
  users: LoadProcess,
  { others = 0, posted = [] }: { others?: number; posted?: readonly string[] } = {},
): Promise<void> {
  const { report, postedIds } = await users.stop();
  const ledger = await site.client.ledger(Site.app);
  const counts = sumRows(ledger?.rows ?? []);
  expect(report).toMatchObject({ ok: report.requests, httpErrors: 0, connectionErrors: 0, timeouts: 0, stray: 0 });
  expect(report.requests).toBeGreaterThan(0);
  expect({ lost: lostOf(counts), total: totalOf(counts), inFlight: ledger?.inFlight }).toEqual({
    lost: 0,
    total: report.requests + others,
    inFlight: 0,
  });
  expect(counts.served + counts.servedAfterRetry + counts.servedAfterHold).toBe(report.ok + others);
  const orders = site.orders();
  expect(new Set(orders).size, "every order is there once").toBe(orders.length);
  expect(orders.toSorted()).toEqual([...postedIds, ...posted].toSorted());
}
