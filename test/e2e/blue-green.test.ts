import { expect, test } from "vitest";
import type { AppStatus } from "../../src/api/daemon.ts";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

const status = (site: Site): Promise<AppStatus> => site.client.app(Site.app);

/** What answers the users at the moment: so many requests, one after the other. */
async function answering(site: Site, requests = 20): Promise<readonly string[]> {
  const releases = new Set<string>();
  for (let asked = 0; asked < requests; asked += 1) releases.add((await site.app.ask()).release);
  return [...releases].toSorted();
}

/** A check of one's own: it reaches the release that nobody else gets, by what its environment says. */
const PREVIEWS = `
  const { HITLESS_PREVIEW_URL, HITLESS_PREVIEW_HEADERS, HITLESS_RELEASE } = process.env;
  const headers = Object.fromEntries(HITLESS_PREVIEW_HEADERS.split("\\n").map((line) => line.split(": ")));
  require("node:http").get(HITLESS_PREVIEW_URL + "/release", { headers, agent: false }, (answer) => {
    answer.on("data", (text) => process.exit(String(text).startsWith(HITLESS_RELEASE + " ") ? 0 : 1));
  });
`;

test(
  "scenarios 45, 47, 48 and 51 under load: previewed, promoted by hand, rolled back and forward again at once, and nothing is lost",
  { timeout: 120_000 },
  async () => {
    const rollout = { strategy: "blue-green", bake: 0, promote: "manual", standby: "10m" } as const;
    const site = await Site.deployed({ instances: 2 });
    let others = 0;
    const users = site.users();
    await until(() => users.requests > 300);
    const checks = [{ name: "preview", command: [process.execPath, "-e", PREVIEWS] }];
    site.write("two", { instances: 2, rollout, checks });
    const deploying = site.app.begin(["deploy"]);
    await until(async () => (await status(site)).deployment?.awaits?.what === "promotion", { what: "it waits for a promotion" });

    // Everything is still the old release's; the preview reaches the new one only.
    expect(await answering(site)).toEqual(["r1"]);
    others += 20;
    const { preview, url } = await status(site);
    expect(preview).toMatchObject({ release: "r2", header: { name: "X-Hitless-Preview" } });
    const headers = { [preview?.header?.name ?? ""]: preview?.header?.value ?? "" };
    for (let asked = 0; asked < 10; asked += 1)
      expect(await (await fetch(`${url ?? ""}/release`, { headers })).text()).toContain("r2 web.r2.");
    expect((await fetch(`${url ?? ""}/release`, { headers: { "X-Hitless-Preview": "r2" } })).status, "the name is no key").toBe(
      404,
    );
    expect((await site.app.run(["status"])).out).toMatch(/preview r2: curl -H 'X-Hitless-Preview: [0-9a-f]{24}' http/);

    await site.succeeds("promote");
    const { code, out, err } = await deploying.ended();
    expect(code, err).toBe(0);
    for (const words of [
      "can be previewed and gets no requests",
      "`hitless promote`",
      "preview r2: curl",
      "r1 is on standby",
      "none lost",
    ])
      expect(out).toContain(words);
    expect(await answering(site)).toEqual(["r2"]);
    others += 20;
    expect(await status(site)).toMatchObject({ active: "r2", standby: { release: "r1", instances: 2 } });

    const before = new Set(site.instances().keys());
    const begun = Date.now();
    const name = (await site.client.request(Site.app, "rollback", { release: null })).deployment;
    expect(await site.ended(name)).toMatchObject({ outcome: "done", to: "r1" });
    expect(Date.now() - begun, "one table, and no instance was started").toBeLessThan(1_000);
    expect(await answering(site)).toEqual(["r1"]);
    await site.succeeds("rollback");
    expect(await answering(site)).toEqual(["r2"]);
    others += 40;
    expect(new Set(site.instances().keys())).toEqual(before);
    await expectEqualBooks(site, users, { others });
  },
);

test(
  "scenarios 47 and 49: aborted before the promotion nothing is left of it; when the window is over the old instances are gone",
  {
    timeout: 120_000,
  },
  async () => {
    const site = await Site.deployed({ instances: 2 });
    const users = site.users();
    site.write("two", { instances: 2, rollout: { strategy: "blue-green", bake: 0, promote: "manual" } });
    const deploying = site.app.begin(["deploy"]);
    await until(async () => (await status(site)).deployment?.awaits?.what === "promotion", { what: "it waits for a promotion" });
    await site.succeeds("abort");
    expect((await deploying.ended()).code).toBe(130);
    expect(await status(site)).toMatchObject({ active: "r1", standby: null, deployment: { outcome: "rolled-back" } });
    expect([...site.instances().keys()].every((name) => name.startsWith("web.r1."))).toBe(true);

    site.write("three", { instances: 2, rollout: { strategy: "blue-green", bake: 0, standby: "2s" } });
    await site.succeeds("deploy");
    expect((await status(site)).standby).toMatchObject({ release: "r1" });
    await until(() => [...site.instances().keys()].every((name) => name.startsWith("web.r3.")), { what: "the window is over" });
    await site.succeeds("rollback");
    expect(await status(site)).toMatchObject({ active: "r1" });
    await expectEqualBooks(site, users);
  },
);
