import { describe, expect, test } from "vitest";
import type { ReleaseStatus } from "../../src/api/daemon.ts";
import { sharedScene } from "../support/scene.ts";
import { expectStanding } from "../support/standing.ts";
import { until } from "../support/temp.ts";

const WORKER = { command: [process.execPath, "fixture.mjs"], env: { NEVER_LISTEN: "1" }, readyAfter: "50ms" };

describe("from one deployment to the next", () => {
  const shop = sharedScene(async (scene) => {
    const app = await scene.app("shop");
    await app.deploy();
    return app;
  });

  test("scenario 7: an unchanged tree does nothing, unless --force", async () => {
    const app = shop();
    const before = (await app.status()).instances.map(({ name, pid }) => [name, pid]);
    const again = await app.run(["deploy"]);
    expect(again.code, again.err).toBe(0);
    expect(again.out).toContain("nothing to do: the tree is that of r1");
    expect(await app.json(["deploy"])).toMatchObject({ deployment: { outcome: "unchanged" }, report: null });
    expect((await app.status()).instances.map(({ name, pid }) => [name, pid])).toEqual(before);
    const { deployment } = await app.deploy("--force");
    expect(deployment).toMatchObject({ outcome: "done", from: "r1" });
    await expectStanding(app, deployment.to ?? "", 2);
    const { releases } = await app.json<{ releases: ReleaseStatus[] }>(["releases"]);
    expect(releases.map(({ release }) => release)).toEqual([deployment.to, "r1"]);
    expect(releases[0]?.contentHash).toBe(releases[1]?.contentHash);
  });

  test("scenario 8: with another environment alone it is another release; the old instances keep what they have", async () => {
    const app = shop();
    const deployUntilHalf = async (message: string): Promise<void> => {
      app.configure({ env: { MESSAGE: message } }, { rollout: { batch: 1, afterFirst: "manual" } });
      await app.run(["deploy", "--detach"]);
      await until(async () => (await app.status()).deployment?.phase === "waiting");
    };
    const messages = async (): Promise<readonly string[]> => {
      const seen = [await app.ask(), await app.ask(), await app.ask(), await app.ask()];
      return [...new Set(seen.map(({ message }) => message))].toSorted();
    };
    await deployUntilHalf("before");
    await app.run(["promote"]);
    await until(async () => (await app.status()).deployment?.outcome === "done");
    await deployUntilHalf("after");
    expect(await messages()).toEqual(["after", "before"]);
    await app.run(["promote"]);
    await until(async () => (await app.status()).deployment?.outcome === "done");
    expect(await messages()).toEqual(["after"]);
  });

  test("more instances, then fewer", async () => {
    const app = shop();
    app.configure({ instances: 3 });
    await expectStanding(app, (await app.deploy()).deployment.to ?? "", 3);
    app.configure({ instances: 1 });
    await expectStanding(app, (await app.deploy()).deployment.to ?? "", 1);
  });

  test("a process type is added and removed; one that fails takes the web type back with it", async () => {
    const app = shop();
    app.configure({ instances: 1 }, { processes: { web: app.web({ instances: 1 }), worker: WORKER } });
    await app.deploy();
    const types = async (): Promise<readonly string[]> => (await app.status()).instances.map(({ type }) => type);
    expect(await types()).toEqual(["web", "worker"]);
    expect(app.instanceProcesses()).toHaveLength(2);

    const good = (await app.status()).active ?? "";
    const crashing = { ...WORKER, env: { CRASH_AT_START: "1" }, readyAfter: "20s" };
    app.configure({ instances: 1 }, { processes: { web: app.web({ instances: 1 }), worker: crashing } });
    const { code, err } = await app.run(["deploy"]);
    expect(code, err).toBe(6);
    expect(err).toMatch(/worker\.r\d+\.\d+ exited with code 3 before it was ready/);
    expect((await app.status()).instances.map(({ type, release }) => [type, release])).toEqual([
      ["web", good],
      ["worker", good],
    ]);

    app.configure({ instances: 1 });
    await app.deploy();
    expect(await types()).toEqual(["web"]);
    expect(app.instanceProcesses()).toHaveLength(1);
  });
});
