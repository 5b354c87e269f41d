import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { lostOf, sumRows, totalOf } from "../../src/core/ledger.ts";
import { freePort } from "../support/free-port.ts";
import { isInstalled } from "../support/found.ts";
import { runLoad } from "../support/load/run.ts";
import { descriptorsOf, ProxyProgram } from "../support/proxy-program.ts";
import { shopUpstream, type ShopUpstream } from "../support/shop-upstream.ts";
import { temporaryDirectory, until } from "../support/temp.ts";

const UPGRADES = 10;
/** Longer than the upgrades take: a load generator is told to end when they are done. */
const SECONDS = "300";
const LIMIT_MS = 300_000;

async function shop(): Promise<{ proxy: ProxyProgram; upstream: ShopUpstream }> {
  const [proxy, upstream] = [await ProxyProgram.started(await freePort()), await shopUpstream()];
  await proxy.route([upstream.target]);
  return { proxy, upstream };
}

describe("ten upgrades of the proxy in a row", { timeout: LIMIT_MS }, () => {
  test("lose nothing and leak nothing under a load with exactly-once POSTs", async () => {
    const { proxy, upstream } = await shop();
    const before = await proxy.traffic.ledger(ProxyProgram.app);
    const stop = new AbortController();
    const load = runLoad({ url: proxy.url, rate: 200, keepAlive: 6, fresh: 3, post: 3, signal: stop.signal });
    const descriptors: number[] = [];
    for (let upgrades = 0; upgrades < UPGRADES; upgrades += 1) {
      const from = await proxy.pid();
      const outcome = await proxy.upgrade();
      expect(outcome.from.pid).toBe(from);
      expect(await proxy.pid()).toBe(outcome.to.pid);
      await until(async () => (await proxy.traffic.status()).predecessor === null, { within: 30_000 });
      descriptors.push(descriptorsOf(outcome.to.pid));
    }
    stop.abort();
    const { requests, ok, byStatus, byKind, stray, postedIds } = await load;
    expect({ byKind, stray, lost: requests - ok }).toEqual({ byKind: {}, stray: 0, lost: 0 });
    expect(Object.keys(byStatus).toSorted()).toEqual(["200", "201"]);
    expect(upstream.posts.toSorted()).toEqual(postedIds.map((id) => idBody(upstream.posts, id)).toSorted());
    const after = await proxy.traffic.ledger(ProxyProgram.app);
    const totals = sumRows(after?.rows ?? []);
    expect({ boot: after?.boot, total: totalOf(totals), lost: lostOf(totals), served: totals.served }).toEqual({
      boot: before?.boot,
      total: requests,
      lost: 0,
      served: requests,
    });
    expect(await until(() => proxy.processes().length === 3 && proxy.processes())).toHaveLength(3);
    expect(Math.max(...descriptors) - Math.min(...descriptors)).toBeLessThanOrEqual(2);
  });
});

describe.skipIf(!isInstalled("wrk"))("wrk", { timeout: LIMIT_MS }, () => {
  test("on kept connections sees no error through ten upgrades in a row", async () => {
    const { proxy } = await shop();
    // At full speed it would leave the upgrades no processor.
    const pace = join(temporaryDirectory(), "pace.lua");
    writeFileSync(pace, "function delay() return 10 end\n");
    const output = await throughUpgrades(proxy, "wrk", ["-t1", "-c8", `-d${SECONDS}`, "--timeout", "30s", "-s", pace, proxy.url]);
    expect(output).not.toMatch(/Socket errors|Non-2xx/);
    expect(Number(/(\d+) requests in/.exec(output)?.[1])).toBeGreaterThan(1_000);
    await expectNothingWrong(proxy);
  });
});

describe.skipIf(!isInstalled("hey"))("hey", { timeout: LIMIT_MS }, () => {
  test("on a new connection for every request sees no error through ten upgrades in a row", async () => {
    const { proxy } = await shop();
    const args = ["-disable-keepalive", "-z", `${SECONDS}s`, "-c", "4", "-q", "50", proxy.url];
    const output = await throughUpgrades(proxy, "hey", args);
    expect(output).not.toContain("Error distribution");
    const statuses = [...output.matchAll(/\[(\d+)\]\s+(\d+) responses/g)].map(([, status, count]) => [status, Number(count)]);
    expect(statuses).toEqual([["200", expect.any(Number)]]);
    await expectNothingWrong(proxy);
  });
});

/** What it says when it is told to end after the last upgrade. */
async function throughUpgrades(proxy: ProxyProgram, program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const output = text(child.stdout);
  for (let upgrades = 0; upgrades < UPGRADES; upgrades += 1) await proxy.upgrade();
  expect(child.exitCode, "it went on to the end").toBeNull();
  const ended = once(child, "close");
  child.kill("SIGINT");
  await ended;
  return output;
}

/** What it had in flight when it was ended is the client's doing. */
async function expectNothingWrong(proxy: ProxyProgram): Promise<void> {
  const counts = sumRows((await proxy.traffic.ledger(ProxyProgram.app))?.rows ?? []);
  expect({ ...counts, served: 0, clientGone: 0 }).toEqual({ ...counts, ...NOTHING_WRONG, served: 0, clientGone: 0 });
  expect(counts.served).toBeGreaterThan(500);
}

const NOTHING_WRONG = { appError: 0, refused: 0, cut: 0, failed: 0, unaccounted: 0 };

/** What was posted under that id. */
function idBody(posts: readonly string[], id: string): string {
  return posts.find((body) => body.includes(id)) ?? `never arrived: ${id}`;
}
