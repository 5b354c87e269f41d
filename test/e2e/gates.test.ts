import { expect, test } from "vitest";
import type { AppStatus } from "../../src/api/daemon.ts";
import { lostOf, sumRows, totalOf, type LedgerCounts } from "../../src/core/ledger.ts";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

/** The daemon is killed, and another one takes up what it finds. */
async function replaceDaemon(site: Site): Promise<void> {
  process.kill((await site.client.info()).pid, "SIGKILL");
  await site.succeeds("up");
}

const status = (site: Site): Promise<AppStatus> => site.client.app(Site.app);

async function counts(site: Site): Promise<LedgerCounts> {
  return sumRows((await site.client.ledger(Site.app))?.rows ?? []);
}

test(
  "a pause under load: everybody waits, through a deployment, a killed daemon and an upgrade of the proxy, and everybody is served",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed();
    const users = site.users();
    await until(() => users.requests > 300);
    const { code, out, err } = await site.app.run(["pause", "--for", "10m"]);
    expect(code, err).toBe(0);
    for (const word of ["nothing is in flight any more", "requests wait", "503 until `hitless resume`"])
      expect(out).toContain(word);
    const held = async (): Promise<number> => (await status(site)).traffic?.held ?? 0;
    await until(async () => (await held()) >= 10, { what: "the users wait" });
    const served = (await counts(site)).served;
    site.write("two");
    await site.succeeds("deploy");
    await replaceDaemon(site);
    await site.succeeds("proxy", "upgrade");
    expect(await status(site)).toMatchObject({ active: "r2", pause: { then: "refuse" } });
    expect((await site.app.run(["status"])).out).toContain("is paused for");
    expect((await counts(site)).served).toBe(served);
    expect((await fetch(`${site.url}/up`)).status, "a balancer before us still finds it alive").toBe(200);
    await site.succeeds("resume");
    const before = users.requests;
    await until(() => users.requests > before + 300, { what: "the users go on" });
    expect((await counts(site)).servedAfterHold).toBeGreaterThanOrEqual(10);
    expect((await site.app.run(["report", "d2"])).out).toMatch(/pause +[\d.]+ m?s of it/);
    expect((await site.app.run(["resume"])).code).toBe(2);
    await expectEqualBooks(site, users, { others: 1 });
  },
);

test(
  "maintenance under load: the page and nothing else, through a killed daemon, a killed proxy and a deployment; nothing counts as lost",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed();
    site.app.write("page.html", "<h1>Back at nine</h1>");
    const users = site.users();
    await until(() => users.requests > 300);
    await site.succeeds("maintenance", "on", "--page", "page.html", "--retry-after", "60", "--allow-cookie", "pass=yes");
    await until(() => users.errors > 100, { what: "the users see the page" });
    const page = await fetch(site.url);
    expect([page.status, page.headers.get("retry-after"), await page.text()]).toEqual([503, "60", "<h1>Back at nine</h1>"]);
    expect((await fetch(site.url, { headers: { cookie: "pass=yes" } })).status).toBe(200);
    expect((await fetch(`${site.url}/up`)).status).toBe(200);
    await replaceDaemon(site);
    site.write("two");
    await site.succeeds("deploy");
    expect(await status(site)).toMatchObject({ active: "r2", maintenance: { status: 503, allowCookies: ["pass"] } });
    expect((await fetch(site.url)).status).toBe(503);
    await site.succeeds("maintenance", "off");
    const served = users.requests;
    await until(() => users.requests > served + 300);
    const { report } = await users.stop();
    const ledger = await counts(site);
    // The page and the page again, by hand; with the cookie and for the health check.
    expect(report).toMatchObject({ connectionErrors: 0, timeouts: 0, stray: 0, byStatus: { 503: report.httpErrors } });
    expect({ lost: lostOf(ledger), total: totalOf(ledger), maintenance: ledger.maintenance }).toEqual({
      lost: 0,
      total: report.requests + 4,
      maintenance: report.httpErrors + 2,
    });
    await site.succeeds("maintenance", "on");
    process.kill((await site.client.proxy()).pid, "SIGKILL");
    const statusNow = (): Promise<number | null> =>
      fetch(site.url).then(
        ({ status: code }) => code,
        () => null,
      );
    await until(async () => (await statusNow()) !== null, { what: "the proxy is back" });
    expect(await statusNow()).toBe(503);
  },
);
