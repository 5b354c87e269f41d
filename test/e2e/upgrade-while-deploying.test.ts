import { expect, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

/** How often the proxy is replaced while deployments run. */
const UPGRADES = 4;

test("deployments and upgrades of the proxy in the middle of one another lose nothing", { timeout: 180_000 }, async () => {
  const site = await Site.deployed({ instances: 3 });
  const users = site.users();
  await until(() => users.requests > 300);
  const { proxyPid: first } = await site.client.info();
  let upgrades = 0;
  const upgrading = (async () => {
    for (; upgrades < UPGRADES; upgrades += 1) await site.succeeds("proxy", "upgrade");
  })();
  const outcomes: unknown[] = [];
  do {
    site.write(`release ${String(outcomes.length + 2)}`, { instances: 3, batch: 1 });
    outcomes.push((await site.ended(await site.begin())).outcome);
  } while (upgrades < UPGRADES);
  await upgrading;
  expect(outcomes).toEqual(outcomes.map(() => "done"));
  expect((await site.client.info()).proxyPid).not.toBe(first);
  const { active } = await site.client.app(Site.app);
  expect((await site.app.ask()).release).toBe(active);
  for (let deployment = 2; deployment <= outcomes.length + 1; deployment += 1) {
    const report = await site.client.report(Site.app, `d${String(deployment)}`);
    expect(report).toMatchObject({ lost: 0, totals: { cut: 0, failed: 0, unaccounted: 0 } });
  }
  await expectEqualBooks(site, users, { others: 1 });
});
