import { expect, onTestFinished, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { stateOf } from "../support/fleet.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

/** Where a deployment of two batches is when its daemon stands still. */
const MOMENTS = ["warming", "draining"];

test(
  "scenario 81: a daemon that stands still beyond its lease is replaced, and does nothing when it wakes up; nothing is lost",
  { timeout: 240_000 },
  async () => {
    const site = await Site.deployed({ web: { drainTimeout: "5s" } });
    const users = site.users({ rate: 200 });
    for (const moment of MOMENTS) {
      const { pid } = await site.client.info();
      onTestFinished(() => {
        if (stateOf(pid) === "T") process.kill(pid, "SIGKILL");
      });
      site.write(`stalls while ${moment}`, { web: { drainTimeout: "5s" } });
      const name = await site.begin();
      await until(async () => (await site.client.app(Site.app)).deployment?.phase === moment, { within: 30_000 });
      process.kill(pid, "SIGSTOP");
      const before = site.instances();

      await site.succeeds("up");
      expect((await site.client.info()).pid).not.toBe(pid);
      expect((await site.ended(name)).outcome).toBe("done");
      const after = site.instances();
      expect(after.size).toBe(2);
      for (const [instance, process] of before) expect(after.get(instance) ?? process, instance).toBe(process);

      process.kill(pid, "SIGCONT");
      await until(() => stateOf(pid) === null || stateOf(pid) === "Z", { within: 30_000 });
      expect(site.instances()).toEqual(after);
      const { instances, active, fault } = await site.client.app(Site.app);
      expect(fault).toBeNull();
      expect(instances.map(({ release }) => release)).toEqual([active, active]);
    }
    site.write("goes on");
    await site.succeeds("deploy");
    await expectEqualBooks(site, users);
  },
);
