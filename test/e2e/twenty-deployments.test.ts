import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { processesOf } from "../support/processes.ts";
import { proxyMemoryMiB } from "../support/proxy-memory.ts";
import { Site } from "../support/site.ts";
import { until } from "../support/temp.ts";

const DEPLOYMENTS = 20;
/** Measured from here on: by then every path has run once. */
const SETTLED = 5;
/** What the proxy may hold in memory beyond what it held when it had settled (the collector gives back late). */
const MEMORY_SLACK_MIB = 48;

interface Footprint {
  readonly processes: number;
  readonly descriptors: number;
  readonly proxyMiB: number;
}

test(
  "scenarios 11 and 104: 20 deployments in a row under load lose nothing, and leave nothing behind; the ledger and the clients have counted the same",
  { timeout: 240_000 },
  async () => {
    const site = await Site.deployed({ instances: 2 });
    const atRest = await footprint(site);
    const users = site.users();
    let settled = 0;
    for (let deployment = 2; deployment <= DEPLOYMENTS; deployment += 1) {
      site.write(`release ${String(deployment)}`, { instances: 2 + ((DEPLOYMENTS - deployment) % 3), batch: "50%" });
      await site.succeeds("deploy");
      if (deployment === SETTLED) settled = (await footprint(site)).proxyMiB;
    }
    const { proxyMiB } = await footprint(site);
    await expectEqualBooks(site, users);

    const history = await site.client.deployments(Site.app, 100);
    expect(history.map(({ outcome }) => outcome)).toEqual(Array.from({ length: DEPLOYMENTS }, () => "done"));
    const releases = (await site.client.releases(Site.app)).map(({ release }) => release);
    expect(releases).toEqual(["r20", "r19", "r18"]);
    expect(readdirSync(join(site.scene.state, "apps", Site.app, "releases")).toSorted()).toEqual(releases.toSorted());

    expect(proxyMiB).toBeLessThan(settled + MEMORY_SLACK_MIB);
    // The connections of the load and the idle ones to instances are closed after a while; then it is as after the first deployment.
    await until(async () => (await footprint(site)).descriptors <= atRest.descriptors, {
      within: 20_000,
      what: `no more than ${String(atRest.descriptors)} descriptors`,
    });
    expect((await footprint(site)).processes).toBe(atRest.processes);
  },
);

/** Of daemon, proxy and instances together. */
async function footprint(site: Site): Promise<Footprint> {
  const pids = processesOf(site.scene.state).map(({ pid }) => pid);
  const { proxyPid } = await site.client.info();
  return {
    processes: pids.length,
    descriptors: pids.reduce((sum, pid) => sum + descriptorsOf(pid), 0),
    proxyMiB: proxyMemoryMiB(proxyPid ?? 0),
  };
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}
