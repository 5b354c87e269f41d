import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AppStatus, DeploymentStatus, ReleaseStatus, Report } from "../../src/api/daemon.ts";
import { LEDGER_COLUMNS } from "../../src/core/ledger.ts";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";

describe("several apps under one daemon", () => {
  const apps = sharedScene(async (scene) => {
    const shop = await scene.app("shop");
    const blog = await scene.app("blog", { instances: 1 });
    await shop.deploy();
    await blog.deploy();
    return { scene, shop, blog };
  });

  test("each from its own directory; from elsewhere they are named with --app", async () => {
    const { scene, shop, blog } = apps();
    const { apps: all } = await scene.json<{ apps: AppStatus[] }>(["status"]);
    expect(all.map(({ app, active, url }) => [app, active, url])).toEqual([
      ["blog", "r1", blog.url],
      ["shop", "r1", shop.url],
    ]);
    const which = await scene.run(["releases"]);
    expect(which.code).toBe(2);
    for (const word of ["Which app?", "blog, shop", "--app"]) expect(which.err).toContain(word);
    const { releases } = await scene.json<{ releases: ReleaseStatus[] }>(["releases", "--app", "blog"]);
    expect(releases).toMatchObject([{ release: "r1", active: true, instances: 1 }]);
  });

  test("`scale` and `restart` change one app and leave the other alone", async () => {
    const { shop, blog } = apps();
    const other = (await blog.status()).instances.map(({ pid }) => pid);
    const scaled = await shop.run(["scale", "web=3"]);
    expect(scaled.code, scaled.err).toBe(0);
    await expectStanding(shop, "r1", 3);
    const before = (await shop.status()).instances.map(({ name }) => name);
    const restarted = await shop.run(["restart"]);
    expect(restarted.code, restarted.err).toBe(0);
    await expectStanding(shop, "r1", 3);
    expect((await shop.status()).instances.filter(({ name }) => before.includes(name))).toEqual([]);
    expect((await blog.status()).instances.map(({ pid }) => pid)).toEqual(other);
  });

  test("`status --json` and `report --json` say in numbers what they say in words", async () => {
    const { shop } = apps();
    const { apps: all } = await shop.json<{ apps: AppStatus[] }>(["status", "--app", "shop"]);
    expect(all).toMatchObject([{ app: "shop", suspended: false, crashLoops: [], traffic: { lost: 0, held: 0 } }]);
    const report = await shop.json<Report>(["report", "latest"]);
    expect(report).toMatchObject({ app: "shop", lost: 0, caveat: null, capacity: { atStart: 3, lowest: 3 } });
    expect(Object.keys(report.totals).sort()).toEqual([...LEDGER_COLUMNS].sort());
    const words = await shop.run(["report"]);
    expect(words.code).toBe(0);
    for (const word of ["restart r1", "none lost", "p99", "never fewer than 3"]) expect(words.out).toContain(word);
  });

  test("`down` stops all of them, `up` brings back those that ran, at the size they had", async () => {
    const { scene, shop, blog } = apps();
    expect((await scene.down()).code).toBe(0);
    expect(scene.processes()).toEqual([]);
    const up = await scene.run(["up"]);
    expect(up.code, up.err).toBe(0);
    for (const word of ["the daemon was started", "brings r1 back"]) expect(up.out).toContain(word);
    await expectStanding(shop, "r1", 3);
    await expectStanding(blog, "r1", 1);
  });

  test("releases are pruned to the five newest, never one in use; `rollback rN` goes to any that is kept", async () => {
    const { blog } = apps();
    const kept = async (): Promise<readonly string[]> => {
      const { releases } = await blog.json<{ releases: ReleaseStatus[] }>(["releases"]);
      const names = releases.map(({ release }) => release);
      expect(readdirSync(join(blog.scene.state, "apps", "blog", "releases")).sort()).toEqual([...names].sort());
      return names;
    };
    for (let release = 2; release <= 6; release += 1) {
      blog.write("page.txt", String(release));
      await blog.deploy();
    }
    expect(await kept()).toEqual(["r6", "r5", "r4", "r3", "r2"]);
    const unknown = await blog.run(["rollback", "r1"]);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain("Kept are r2, r3, r4, r5, r6");
    const back = await blog.run(["rollback", "r2"]);
    expect(back.code, back.err).toBe(0);
    await expectStanding(blog, "r2", 1);
    blog.write("page.txt", "7");
    await blog.deploy();
    // r2 is the sixth, but the one to go back to.
    expect(await kept()).toEqual(["r7", "r6", "r5", "r4", "r3", "r2"]);
    const { deployments } = await blog.json<{ deployments: DeploymentStatus[] }>(["history", "-n", "3"]);
    expect(deployments.map(({ kind, from, to, outcome }) => [kind, from, to, outcome])).toEqual([
      ["deploy", "r2", "r7", "done"],
      ["rollback", "r6", "r2", "done"],
      ["deploy", "r5", "r6", "done"],
    ]);
    expect((await blog.run(["history"])).out).toMatch(/rollback +r6 → r2 +done/);
  });
});
