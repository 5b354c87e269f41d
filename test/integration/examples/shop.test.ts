import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AppProcess } from "../../support/apps/app-process.ts";
import { rows, shopDatabase, shopDirectory, shopSource, startShop } from "../../support/apps/shop.ts";
import { sharedPostgres } from "../../support/postgres/shared.ts";
import { expandIn, planOf, urlOf } from "../../support/postgres/release.ts";
import { runLoad } from "../../support/load/run.ts";
import { until } from "../../support/temp.ts";

const postgres = sharedPostgres();

function order(app: AppProcess, body: unknown): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return fetch(`${app.url}/api/orders`, { method: "POST", headers, body: JSON.stringify(body) });
}

describe("the shop", () => {
  test("any of four instances serves what another stored", async () => {
    const directory = shopDirectory(1);
    const url = await shopDatabase(postgres(), "together");
    const apps = await Promise.all(
      ["web-1", "web-2", "web-3", "web-4"].map((name) => startShop(directory, url, { HITLESS_INSTANCE: name })),
    );
    await Promise.all(apps.map((app) => app.ready()));
    const stored = await order(apps[0]!, { id: "first", product: "tea", quantity: 2 });
    expect([stored.status, await stored.json()]).toMatchObject([201, { id: "first", cents: 980, instance: "web-1" }]);
    const found = await (await fetch(`${apps[3]!.url}/api/orders/first`)).json();
    expect(found).toMatchObject({ id: "first", product: "tea", quantity: 2, instance: "web-1", entries: 1 });
    await order(apps[1]!, { id: "first", product: "tea", quantity: 2 });
    expect(await (await fetch(`${apps[2]!.url}/api/orders/count`)).json()).toEqual({ orders: 1, entries: 2 });
  });

  test("release 2 is visibly another one, on the same orders", async () => {
    const url = await shopDatabase(postgres(), "releases");
    const release2 = {
      migration: shopSource("release-2/migrations/0002_channels.sql"),
      procedures: { "create_order.sql": shopSource("release-2/procedures/create_order.sql") },
    };
    await expandIn(url, await planOf(url, 2, release2));
    const started = [1, 2].map(async (release) => startShop(shopDirectory(release), await urlOf(url, release)));
    const [one, two] = (await Promise.all(started)) as [AppProcess, AppProcess];
    await Promise.all([one.ready(), two.ready()]);
    const pages = await Promise.all([one, two].map(async (app) => (await fetch(app.url)).text()));
    expect(pages[0]).toContain("<h1>The corner shop</h1>");
    expect(pages[1]).toContain("<h1>The corner shop: autumn sale</h1>");
    expect(pages.map((page) => page.includes('type="search"'))).toEqual([false, true]);
    const jam = { id: "jam-1", product: "jam", quantity: 1 };
    expect([(await order(one, jam)).status, (await order(two, jam)).status]).toEqual([422, 201]);
    const seen = { id: "jam-1", cents: 420, entries: 1 };
    expect(await (await fetch(`${one.url}/api/orders/jam-1`)).json()).toMatchObject({ ...seen, gift: false });
    expect(await (await fetch(`${two.url}/api/orders/jam-1`)).json()).toMatchObject({ ...seen, channel: "web" });
  });

  test("an order answered 201 is in the database exactly once", async () => {
    const url = await shopDatabase(postgres(), "once");
    const app = await (await startShop(shopDirectory(1), url)).ready();
    const report = await runLoad({
      url: app.url,
      rate: 300,
      keepAlive: 2,
      fresh: 1,
      post: 4,
      paths: ["/", "/api/products"],
      seconds: 1,
    });
    expect(report).toMatchObject({ ok: report.requests, connectionErrors: 0, stray: 0 });
    const stored = await rows<{ id: string }>(url, "SELECT id FROM orders");
    expect(report.posted).toBeGreaterThan(10);
    expect(stored.map(({ id }) => id).sort()).toEqual([...report.postedIds].sort());
  });

  test("refuses what it cannot serve, with the reason", async () => {
    const app = await (await startShop(shopDirectory(1), await shopDatabase(postgres(), "refusals"))).ready();
    const tries: [number, Promise<Response>][] = [
      [404, fetch(`${app.url}/nothing`)],
      [404, fetch(`${app.url}/api/orders/unknown`)],
      [400, fetch(`${app.url}/api/orders/%ff`)],
      [405, fetch(`${app.url}/up`, { method: "DELETE" })],
      [422, order(app, null)],
      [422, order(app, { id: "a b", product: "tea", quantity: 1 })],
      [422, order(app, { id: "a", product: "gold", quantity: 1 })],
      [422, order(app, { id: "a", product: "tea", quantity: 0 })],
      [400, fetch(`${app.url}/api/orders`, { method: "POST", body: "{" })],
      [413, fetch(`${app.url}/api/orders`, { method: "POST", body: "x".repeat(20_000) })],
    ];
    for (const [status, trying] of tries) {
      const answer = await trying;
      expect([answer.status, await answer.json()]).toEqual([status, { error: expect.stringMatching(/\w+/) as string }]);
    }
    expect((await fetch(app.url, { method: "HEAD" })).status).toBe(200);
  });

  test("at SIGTERM finishes the order in flight, gives its connections back, and exits with 0", async () => {
    const url = await shopDatabase(postgres(), "shutdown");
    const app = await (await startShop(shopDirectory(1), url)).ready();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query("BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE");
    const answer = order(app, { id: "late", product: "honey", quantity: 1 });
    await until(async () => (await client.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).rowCount === 1);
    app.terminate();
    await until(() =>
      fetch(app.url).then(
        () => false,
        () => true,
      ),
    );
    await client.query("COMMIT");
    expect((await answer).status).toBe(201);
    expect((await answer).headers.get("connection")).toBe("close");
    expect(await app.ended()).toBe(0);
    expect(app.output).toContain("The shop is closed");
    expect(await rows(url, "SELECT id FROM orders")).toEqual([{ id: "late" }]);
    const left = await rows<{ n: number }>(
      url,
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = 'shutdown' AND pid <> pg_backend_pid()",
    );
    expect(left[0]!.n).toBe(1);
  });

  test("without its database it is unhealthy, says why, and comes back by itself", async () => {
    const url = await shopDatabase(postgres(), "outage");
    const app = await (await startShop(shopDirectory(1), url)).ready();
    await postgres().query("ALTER DATABASE outage ALLOW_CONNECTIONS false");
    await postgres().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'");
    const sick = await until(async () => {
      const answer = await fetch(`${app.url}/up`);
      return answer.status === 503 && (await answer.text());
    });
    expect(sick).toMatch(/^The database does not answer: .+/);
    await postgres().query("ALTER DATABASE outage ALLOW_CONNECTIONS true");
    await app.ready();
  });

  test("says at start what is missing: the setting, the database, the port", async () => {
    const directory = shopDirectory(1);
    const noSetting = await startShop(directory, "");
    const noDatabase = await startShop(directory, "postgres://postgres@127.0.0.1:1/shop");
    expect([await noSetting.ended(), await noDatabase.ended()]).toEqual([1, 1]);
    expect(noSetting.output).toContain("DATABASE_URL is not set");
    expect(noDatabase.output).toMatch(/The database cannot be used: .*ECONNREFUSED/);
  });
});
