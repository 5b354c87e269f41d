import { expect, test } from "vitest";
import type { ProxyStatus } from "../../src/api/proxy-control.ts";
import { call } from "../../src/api/transport/call.ts";
import { sumRows } from "../../src/core/ledger.ts";
import { join } from "node:path";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

test("a killed worker is replaced; what it may have lost is shown as an upper bound, and clients lost no more", async () => {
  const site = await Site.deployed();
  const users = site.users();
  await until(() => users.requests > 500);
  const [worker] = (await proxyStatus(site)).workers;
  process.kill(worker?.pid ?? 0, "SIGKILL");
  await until(async () => {
    const { workers } = await proxyStatus(site);
    return workers.length === 2 && workers.every(({ pid }) => pid !== worker?.pid);
  });
  const before = users.requests;
  await until(() => users.requests > before + 500);
  const { report } = await users.stop();
  const counts = sumRows((await site.client.ledger(Site.app))?.rows ?? []);
  const errors = report.connectionErrors + report.httpErrors + report.timeouts;
  expect(counts.unaccounted).toBeGreaterThan(0);
  expect(errors).toBeLessThanOrEqual(counts.unaccounted);
  const accounted = counts.served + counts.servedAfterRetry + counts.servedAfterHold;
  expect(counts).toMatchObject({ appError: 0, refused: 0, cut: 0, failed: 0 });
  // Everything else is in the books: what is missing there is within the bound.
  expect(accounted).toBeLessThanOrEqual(report.ok);
  expect(report.requests - accounted).toBeLessThanOrEqual(counts.unaccounted);
});

test("a killed proxy is started again with the routes it had; clients are refused meanwhile, and the report says what it cannot know", async () => {
  const site = await Site.deployed();
  const before = site.instances();
  const users = site.users();
  await until(() => users.requests > 500);
  const { boot, pid } = await proxyStatus(site);
  site.write("two", { web: { stopGrace: "5s" } });
  const name = await site.begin();
  await until(async () => (await site.client.progress(Site.app, name, 0, 0)).deployment.phase !== "planned");
  process.kill(pid, "SIGKILL");
  await until(() => bootOf(site).then((now) => now !== null && now !== boot));
  expect((await site.ended(name)).outcome).toBe("done");
  expect([...site.instances().keys()].some((instance) => before.has(instance))).toBe(false);
  const served = users.requests;
  await until(() => users.requests > served + 500);
  const { report } = await users.stop();
  // Refused while nothing listens, or broken off; never a wrong answer, and never one that does not come.
  expect(report).toMatchObject({ httpErrors: 0, timeouts: 0, stray: 0 });
  expect(report.connectionErrors).toBeGreaterThan(0);
  expect((await site.client.report(Site.app, name)).caveat).toContain("started anew");
  const orders = site.orders();
  expect(new Set(orders).size, "no order is there twice").toBe(orders.length);
});

function proxyStatus(site: Site): Promise<ProxyStatus> {
  const unreachable = { code: "ERR_PROXY_UNREACHABLE", what: "" } as const;
  return call(join(site.scene.state, "proxy", "control.sock"), "/status", { unreachable });
}

function bootOf(site: Site): Promise<string | null> {
  return proxyStatus(site).then(
    (status) => status.boot,
    () => null,
  );
}
