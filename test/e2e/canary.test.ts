import { expect, test } from "vitest";
import type { AppStatus } from "../../src/api/daemon.ts";
import { totalOf } from "../../src/core/ledger.ts";
import { expectEqualBooks } from "../support/books.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

const status = (site: Site): Promise<AppStatus> => site.client.app(Site.app);

async function reached(site: Site, share: number): Promise<void> {
  await until(
    async () => {
      const { deployment } = await status(site);
      return deployment?.share === share && deployment.awaits !== null;
    },
    { what: `the canary has ${String(share)} % and waits` },
  );
}

/** Requests that each release has answered since the last time this was asked. */
async function answered(site: Site, before: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, number>> {
  const rows = (await site.client.ledger(Site.app))?.rows ?? [];
  return new Map(rows.map(({ release, counts }) => [release, totalOf(counts) - (before.get(release) ?? 0)]));
}

test(
  "scenarios 55, 58, 65 and 67 under load: aimed at with weight 0, 20 % exactly, paused, promoted in full, and nothing is lost",
  { timeout: 120_000 },
  async () => {
    const site = await Site.deployed({ instances: 2 });
    const users = site.users();
    await until(() => users.requests > 300);
    const steps = [
      { weight: 0, for: "manual" },
      { weight: 20, for: "manual" },
    ] as const;
    site.write("two", {
      instances: 2,
      rollout: {
        strategy: "canary",
        bake: 0,
        steps: [...steps],
        targeting: { headers: { "X-Beta": "1" }, cookies: { beta: true } },
      },
    });
    const deploying = site.app.begin(["deploy"]);
    await reached(site, 0);
    let others = 0;
    const ask = async (headers: Record<string, string>): Promise<string> => {
      others += 1;
      return (await (await fetch(`${site.url}/release`, { headers })).text()).split(" ")[0] ?? "";
    };
    for (let asked = 0; asked < 10; asked += 1) {
      expect(await ask({ "X-Beta": "1" })).toBe("r2");
      expect(await ask({ Cookie: "beta=x" })).toBe("r2");
      expect(await ask({})).toBe("r1");
    }

    await site.succeeds("promote");
    await reached(site, 20);
    const before = await answered(site, new Map());
    await until(async () => [...(await answered(site, before)).values()].reduce((sum, value) => sum + value, 0) > 2_000);
    const got = await answered(site, before);
    const share = (got.get("r2") ?? 0) / ((got.get("r1") ?? 0) + (got.get("r2") ?? 0));
    expect(share).toBeGreaterThan(0.19);
    expect(share).toBeLessThan(0.21);

    await site.succeeds("rollout", "pause");
    const refused = await site.app.run(["deploy"]);
    expect([refused.code, refused.err]).toEqual([5, expect.stringContaining("d2 of site is running")]);
    await site.succeeds("rollout", "resume");
    await site.succeeds("promote", "--full");
    const { code, err } = await deploying.ended();
    expect(code, err).toBe(0);
    expect(await status(site)).toMatchObject({ active: "r2", standby: { release: "r1" } });
    await expectEqualBooks(site, users, { others });
  },
);

test(
  "scenario 66 under load: a canary that is killed at 20 % costs nobody anything, and the deployment goes back",
  {
    timeout: 120_000,
  },
  async () => {
    const site = await Site.deployed({ instances: 2 });
    // What a dead instance had read of an order is not sent again: only what may be repeated is asked here.
    const users = site.users({ post: 0 });
    site.write("two", { instances: 2, rollout: { strategy: "canary", bake: 0, steps: [{ weight: 20, for: "manual" }] } });
    const deploying = site.app.begin(["deploy"]);
    await reached(site, 20);
    const [canary] = [...site.instances()].filter(([name]) => name.startsWith("web.r2."));
    process.kill(canary?.[1] ?? 0, "SIGKILL");
    const { code, out } = await deploying.ended();
    expect(code).toBe(6);
    expect(out).toContain("going back to r1");
    expect(await status(site)).toMatchObject({ active: "r1", deployment: { outcome: "rolled-back" } });
    await expectEqualBooks(site, users);
  },
);
