import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { proxyMemoryMiB } from "../../support/proxy-memory.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream, type ShopUpstream } from "../../support/shop-upstream.ts";
import { until } from "../../support/temp.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";
import { startAnswering } from "../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";

const LIMIT_MS = 60_000;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("idle connections", { timeout: LIMIT_MS }, () => {
  const COUNT = 5_000;
  /** Node needs some 7 KiB for a socket, V8 keeps room for garbage. */
  const KIB_EACH = 30;

  test(`${String(COUNT)} of them stay open, cost little, and are served when they ask again`, async () => {
    const upstream = await shopUpstream();
    const proxy = await ProxyProgram.started(await freePort());
    await proxy.route([upstream.target]);
    const port = Number(new URL(proxy.url).port);
    const warm = await Promise.all(Array.from({ length: 100 }, () => connected(port)));
    for (const client of warm) expect(await asked(client)).toMatch(/^HTTP\/1\.1 200 /);
    const holder = (await proxy.pid()) ?? 0;
    const before = proxyMemoryMiB(holder);
    const clients: Socket[] = [];
    while (clients.length < COUNT) {
      const some = await Promise.all(Array.from({ length: 100 }, () => connected(port)));
      for (const answer of await Promise.all(some.map(asked))) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      clients.push(...some);
    }
    const connections = async () => {
      const { workers } = await proxy.traffic.status();
      return workers.reduce((sum, worker) => sum + worker.clientConnections, 0);
    };
    await until(async () => (await connections()) === COUNT + warm.length, { what: "all are open" });
    const kibEach = ((proxyMemoryMiB(holder) - before) * 1024) / COUNT;
    console.info(`an idle connection costs ${kibEach.toFixed(1)} KiB`);
    expect(kibEach).toBeLessThan(KIB_EACH);
    for (const client of clients.filter((_, index) => index % 50 === 0)) expect(await asked(client)).toMatch(/^HTTP\/1\.1 200 /);
    expect(clients.filter((client) => client.destroyed || client.readableEnded)).toEqual([]);
  });
});

describe("slowloris", { timeout: LIMIT_MS }, () => {
  test("500 clients that never finish their head keep nobody else from being served", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { headTimeoutMs: 4_000, tickMs: 50 } });
    const slow = await Promise.all(Array.from({ length: 500 }, () => connectRaw(proxy.port)));
    for (const client of slow) client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    await until(() => proxy.inFlight === slow.length, { what: "all have begun" });
    const dripping = setInterval(() => {
      for (const client of slow) if (client.text === "" && !client.closed) client.send("X: y\r\n");
    }, 200);
    onTestFinished(() => {
      clearInterval(dripping);
    });
    const others = await Promise.all(Array.from({ length: 8 }, () => connectRaw(proxy.port)));
    let served = 0;
    let meanwhile = 0;
    while (slow.some((client) => client.text === "")) {
      for (const other of others) other.send(GET);
      for (const other of others) expect(await other.status()).toBe(200);
      served += others.length;
      if (slow.every((client) => client.text === "")) meanwhile += others.length;
    }
    expect(meanwhile, "requests while all slow ones were there").toBeGreaterThan(others.length);
    for (const client of slow) expect(await client.status()).toBe(408);
    expect(await proxy.ledger()).toEqual({ served, refused: slow.length });
  });
});

describe("exactly once", { timeout: LIMIT_MS }, () => {
  const SWITCHES = 50;
  const CLIENTS = 16;
  const DRAIN = { requestsMs: 10_000, tunnelsMs: 10_000 };

  test(`every POST through ${String(SWITCHES)} switches under load reaches one instance, once, and is answered`, async () => {
    const proxy = await ProxyProgram.started(await freePort());
    const instances: ShopUpstream[] = [await shopUpstream("web.r1.1")];
    await proxy.route([instances[0]!.target]);
    const load = { ends: false };
    onTestFinished(() => {
      load.ends = true;
    });
    const clients = Array.from({ length: CLIENTS }, (_, client) => posting(proxy.url, `c${String(client)}`, load));
    for (let turn = 1; turn <= SWITCHES; turn += 1) {
      const old = instances.at(-1)!;
      const next = await shopUpstream(`web.r${String(turn + 1)}.1`);
      instances.push(next);
      const release = `r${String(turn + 1)}`;
      await proxy.route([], { pools: [{ release, weight: 1, targets: [next.target] }] });
      await until(() => next.posts.length >= CLIENTS, { what: "the new instance has requests" });
      const { cut } = await proxy.traffic.drain(ProxyProgram.app, [old.target.instance], DRAIN);
      expect(cut).toBe(0);
      old.stop();
    }
    load.ends = true;
    const answered = (await Promise.all(clients)).flat();
    const arrived = instances.flatMap(({ posts }) => posts);
    expect(answered.length).toBeGreaterThan(SWITCHES * CLIENTS);
    expect(new Set(arrived).size, "no id twice").toBe(arrived.length);
    expect([...arrived].sort()).toEqual([...answered].sort());
  });
});

/** Posts one id after the other; gives those that were answered. Any other answer than 201 with the id fails. */
async function posting(url: string, name: string, load: { readonly ends: boolean }): Promise<readonly string[]> {
  const ids: string[] = [];
  while (!load.ends) {
    const id = `${name}-${String(ids.length)}`;
    const response = await fetch(url, { method: "POST", body: id });
    expect([response.status, await response.text()]).toEqual([201, id]);
    ids.push(id);
  }
  return ids;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.setEncoding("latin1").on("error", () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return socket;
}

/** The whole answer, which is chunked. */
async function asked(socket: Socket): Promise<string> {
  let answer = "";
  socket.write(GET);
  while (!answer.endsWith("\r\n0\r\n\r\n")) {
    const [data] = (await once(socket, "data")) as [string];
    answer += data;
  }
  return answer;
}
