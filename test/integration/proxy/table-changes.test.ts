import { expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import type { RouteTable, Target } from "../../../src/core/routes.ts";
import { changeSince } from "../../../src/proxy/table-change.ts";
import { freePort } from "../../support/free-port.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream, type ShopUpstream } from "../../support/shop-upstream.ts";
import { until } from "../../support/temp.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";
import { startAnswering } from "../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";

/** Workers are only sent what is not the same in the next table: whatever comes after whatever, exactly the targets of the last one get requests. */
const STEPS: readonly (readonly number[])[] = [
  [0],
  [0, 1],
  [1, 0],
  [1, 0],
  [2],
  [0, 1, 2, 3],
  [3, 2, 1],
  [1],
  [],
  [1, 3],
  [0, 2],
];

async function receivers(proxy: ProxyProgram, upstreams: readonly ShopUpstream[], step: string): Promise<readonly number[]> {
  const requests = Array.from({ length: 24 }, (_, index) =>
    fetch(proxy.url, { method: "POST", body: `${step} ${index}`, headers: { connection: "close" } }),
  );
  expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(requests.map(() => 201));
  return upstreams.flatMap(({ posts }, index) => (posts.some((post) => post.startsWith(`${step} `)) ? [index] : []));
}

test(
  "after any change of the table its targets get the requests, also by a worker that has come later",
  { timeout: 60_000 },
  async () => {
    const upstreams = await Promise.all([0, 1, 2, 3].map((number) => shopUpstream(`web.r1.${number}`)));
    const proxy = await ProxyProgram.started(await freePort());
    for (const [index, step] of STEPS.entries()) {
      await proxy.route(step.map((number) => upstreams[number]!.target));
      if (step.length > 0) expect(await receivers(proxy, upstreams, `step${index}`)).toEqual(step.toSorted());
      if (index % 4 !== 1) continue;
      const [worker] = (await proxy.traffic.status()).workers;
      process.kill(worker?.pid ?? 0, "SIGKILL");
      await until(async () => {
        const pids = (await proxy.traffic.status()).workers.map(({ pid }) => pid);
        return pids.length === 2 && !pids.includes(worker?.pid ?? 0);
      });
    }
  },
);

test("a target that has moved is found at its new address", async () => {
  const [before, after] = [await shopUpstream(), await shopUpstream()];
  const proxy = await ProxyProgram.started(await freePort());
  for (const { target } of [before, after]) await proxy.route([target]);
  expect(await receivers(proxy, [before, after], "moved")).toEqual([1]);
});

test("a table that is not valid is refused whole, with every place named as it was sent", async () => {
  const upstream = await shopUpstream();
  const proxy = await ProxyProgram.started(await freePort());
  const good = [1, 2, 3].map((number) => ({ ...upstream.target, instance: `web.r1.${number}` }));
  await proxy.route(good);
  const wrong: readonly Target[] = [...good.slice(0, 2), { ...upstream.target, instance: "web.r1.3", port: 70_000 }];
  const error: unknown = await proxy.route(wrong).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HitlessError);
  expect((error as HitlessError).failure.details?.join()).toMatch(/^pools\.0\.targets\.2\.port: /);
  expect(await receivers(proxy, [upstream], "still")).toEqual([0]);
});

test("scenario 82: a change is one of the table that came last, also where that was refused because it was older", async () => {
  const [first, second] = [await startAnswering(), await startAnswering()];
  const proxy = await WireProxy.start([]);
  const tableOf = (revision: number, ports: readonly number[]): RouteTable => ({
    app: "app",
    epoch: 1,
    revision,
    listen: { host: "127.0.0.1", port: proxy.port },
    tls: null,
    proxy: { holdMs: 0, firstByteTimeoutMs: 0 },
    pools: [
      {
        release: "r1",
        weight: 1,
        targets: ports.map((port) => ({ instance: `i${port}`, host: "127.0.0.1", port, health: null })),
      },
    ],
  });
  const [newer, older, newest] = [tableOf(9, [first.port]), tableOf(8, [second.port, first.port]), tableOf(10, [second.port])];
  proxy.worker.take({ kind: "routes", id: 91, table: newer });
  proxy.worker.take({ kind: "routes", id: 92, ...changeSince(newer, older) });
  proxy.worker.take({ kind: "routes", id: 93, ...changeSince(older, newest) });
  const client = await connectRaw(proxy.port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await client.status()).toBe(200);
  expect([first, second].map(({ received }) => received === "")).toEqual([true, false]);
});
