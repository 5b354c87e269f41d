import { expect, test } from "vitest";
import { lostOf, sumRows } from "../../../src/core/ledger.ts";
import { freePort } from "../../support/free-port.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream } from "../../support/shop-upstream.ts";
import { until } from "../../support/temp.ts";

test("workers that die are replaced on the same sockets; no connection is refused meanwhile", { timeout: 60_000 }, async () => {
  const upstream = await shopUpstream();
  const proxy = await ProxyProgram.started(await freePort());
  await proxy.route([upstream.target]);
  const pids = async () => (await proxy.traffic.status()).workers.map((worker) => worker.pid);
  for (let deaths = 0; deaths < 3; deaths += 1) {
    const before = await pids();
    for (const pid of before) process.kill(pid, "SIGKILL");
    // In the kernel's queue, until a new worker accepts.
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(proxy.url, { headers: { connection: "close" } })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    await until(async () => {
      const now = await pids();
      return now.length === 2 && now.every((pid) => !before.includes(pid));
    });
  }
  const counts = sumRows((await proxy.traffic.ledger(ProxyProgram.app))?.rows ?? []);
  // What the dead ones had not handed over is an upper bound, never silence.
  expect(counts.served + counts.unaccounted).toBeGreaterThanOrEqual(30);
  expect(lostOf(counts)).toBe(counts.unaccounted);
});

test("workers that end again and again are started with growing pauses", { timeout: 60_000 }, async () => {
  const proxy = await ProxyProgram.started(await freePort());
  const died = new Set<number>();
  while (died.size < 6) {
    const [worker] = (await proxy.traffic.status()).workers;
    if (worker === undefined || died.has(worker.pid)) continue;
    process.kill(worker.pid, "SIGKILL");
    died.add(worker.pid);
  }
  const pauses = await until(() => {
    const found = [...proxy.log.matchAll(/"a worker has ended and is replaced".*?"inMs":(\d+)/g)].map(([, ms]) => Number(ms));
    return found.length >= 6 && found;
  });
  expect(pauses).toEqual([20, 40, 80, 160, 320, 640]);
});
