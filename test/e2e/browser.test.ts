import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BROWSER, openPage } from "../support/browser.ts";
import { isInstalled } from "../support/found.ts";
import { Site, type SiteOptions } from "../support/site.ts";
import { until } from "../support/temp.ts";

const APP = readFileSync(new URL("../support/apps/browser-site.mjs", import.meta.url), "utf8");
const LIMITS = { grace: "400ms", spread: "200ms" };
const WEB = { command: [process.execPath, "browser-site.mjs"] };
const OPTIONS: SiteOptions = { web: WEB, instances: 2, batch: 1, eventStreams: LIMITS, websockets: LIMITS };
const RESTART = 1012;

/** What the page writes down. */
interface Seen {
  readonly fetches: number;
  readonly failures: readonly string[];
  readonly releases: readonly string[];
  readonly echoes: number;
  readonly lastEcho: string;
  readonly closes: readonly { readonly code: number; readonly wasClean: boolean }[];
  readonly ids: readonly number[];
  readonly lastEvent: string;
  readonly opens: number;
}

describe.skipIf(!isInstalled(BROWSER))("a real browser (needs chromium)", { timeout: 120_000 }, () => {
  test("scenarios 32 and 34: with WebSocket, EventSource and fetches through a rolling deployment: nothing fails, all of it goes on at the new release", async () => {
    const site = await Site.up();
    site.app.write("browser-site.mjs", APP);
    site.write("one", OPTIONS);
    await site.succeeds("deploy");
    const page = await openPage(`${site.url}/`);
    const seen = (): Promise<Seen> => page.evaluate<Seen>("window.seen");
    await until(async () => {
      const { fetches, echoes, ids } = await seen();
      return fetches > 20 && echoes > 20 && ids.length > 20;
    });
    site.write("two", OPTIONS);
    const name = await site.begin();
    expect((await site.ended(name)).outcome).toBe("done");
    await until(async () => {
      const { lastEcho, lastEvent } = await seen();
      return lastEcho === "hi r2" && lastEvent === "r2";
    });
    const { fetches } = await seen();
    await until(async () => (await seen()).fetches > fetches + 20);
    const end = await seen();
    expect(end.failures).toEqual([]);
    expect(end.releases.at(-1)).toBe("r2");
    expect(new Set(end.releases)).toEqual(new Set(["r1", "r2"]));
    // One instance after the other: whoever came back to the second old one was sent away twice.
    expect(end.closes.length).toBeGreaterThanOrEqual(1);
    expect(end.closes.length).toBeLessThanOrEqual(2);
    expect(end.closes.every(({ code, wasClean }) => code === RESTART && wasClean)).toBe(true);
    expect(end.opens).toBeGreaterThanOrEqual(2);
    expect(end.ids).toEqual(end.ids.map((_, index) => index + 1));
    expect(await site.client.report(Site.app, name)).toMatchObject({
      lost: 0,
      totals: { cut: 0, failed: 0, clientGone: 0, appError: 0, unaccounted: 0 },
    });
  });
});
