import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { sumRows, totalOf } from "../../src/core/ledger.ts";
import { isInstalled } from "../support/found.ts";
import { Site } from "../support/site.ts";

const DEPLOYMENTS = 10;
/** Longer than the deployments take: it is told to end when they are done. */
const SECONDS = "300";

/** Load generators that are not ours see no error through 10 deployments in a row. */
describe.skipIf(!isInstalled("wrk"))("wrk", () => {
  test("on kept connections", { timeout: 180_000 }, async () => {
    const site = await Site.deployed();
    // At full speed it would leave the deployments no processor.
    const pace = join(site.scene.root, "pace.lua");
    writeFileSync(pace, "function delay() return 10 end\n");
    const output = await throughDeployments(site, "wrk", [
      "-t1",
      "-c8",
      `-d${SECONDS}`,
      "--timeout",
      "30s",
      "-s",
      pace,
      site.url,
    ]);
    expect(output).not.toMatch(/Socket errors|Non-2xx/);
    expect(Number(/(\d+) requests in/.exec(output)?.[1])).toBeGreaterThan(1_000);
    const counts = sumRows((await site.client.ledger(Site.app))?.rows ?? []);
    // What it had in flight when it was ended is the client's doing.
    expect({ ...counts, served: 0, clientGone: 0 }).toEqual({ ...counts, ...NOTHING_WRONG, served: 0, clientGone: 0 });
  });
});

describe.skipIf(!isInstalled("hey"))("hey", () => {
  test("on a new connection for every request", { timeout: 180_000 }, async () => {
    const site = await Site.deployed();
    const output = await throughDeployments(site, "hey", [
      "-disable-keepalive",
      "-z",
      `${SECONDS}s`,
      "-c",
      "4",
      "-q",
      "50",
      site.url,
    ]);
    const statuses = [...output.matchAll(/\[(\d+)\]\s+(\d+) responses/g)].map(([, status, count]) => [status, Number(count)]);
    expect(output).not.toContain("Error distribution");
    expect(statuses).toEqual([["200", expect.any(Number)]]);
    const counts = sumRows((await site.client.ledger(Site.app))?.rows ?? []);
    expect({ ...counts, served: 0, clientGone: 0 }).toEqual({ ...counts, ...NOTHING_WRONG, served: 0, clientGone: 0 });
    // How many it manages is the machine's business; what it saw is not.
    expect(totalOf(counts)).toBeGreaterThan(100);
  });
});

const NOTHING_WRONG = { appError: 0, refused: 0, cut: 0, failed: 0, unaccounted: 0 };

/** What it says when it is told to end after the last deployment. */
async function throughDeployments(site: Site, program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const output = text(child.stdout);
  for (let deployment = 1; deployment <= DEPLOYMENTS; deployment += 1) {
    site.write(`release ${String(deployment)}`, { batch: "50%" });
    expect((await site.ended(await site.begin())).outcome).toBe("done");
  }
  expect(child.exitCode, "it went on to the end").toBeNull();
  const ended = once(child, "close");
  child.kill("SIGINT");
  await ended;
  return output;
}
