import { describe, expect, test } from "vitest";
import type { WebSocketSpec } from "../../../src/core/websockets.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { freePort } from "../../support/free-port.ts";
import { until } from "../../support/temp.ts";
import { shopUpstream } from "../../support/shop-upstream.ts";
import { echoServer, Listener } from "../../support/websocket-site.ts";

const QUICK: WebSocketSpec = { graceMs: 0, spreadMs: 0, lingerMs: 0, closeCode: 1012 };

describe("the limits of a drain", { timeout: 60_000 }, () => {
  test("what lingers has its own; a request beside it is cut at that of the requests", async () => {
    const [echo, shop] = [await echoServer(), await shopUpstream()];
    const sockets = { instance: "web.r1.2", host: "127.0.0.1", port: echo.port, health: null };
    const proxy = await proxyWith({ ...QUICK, lingerMs: 1_500 });
    await proxy.route([sockets], proxy.parts);
    const client = await Listener.to(proxy.port);
    await proxy.route([shop.target], proxy.parts);
    const slow = fetch(`${proxy.url}/slow`);
    await until(() => shop.slow.length === 1);
    await proxy.route([], proxy.parts);
    const begun = performance.now();
    const instances = [sockets.instance, shop.target.instance];
    const drained = proxy.traffic.drain(ProxyProgram.app, instances, { requestsMs: 100, tunnelsMs: 20_000 });
    expect((await slow).status).toBe(503);
    await client.says("still here, after the limit of the requests");
    const { code, at } = await client.closed;
    expect(code).toBe(1012);
    expect(at - begun).toBeGreaterThan(1_000);
    expect((await drained).cut).toBe(1);
  });

  test("scenario 38: nothing counts as drained while one of the workers still has a request in flight", async () => {
    const shop = await shopUpstream();
    const proxy = await proxyWith(QUICK);
    await proxy.route([shop.target]);
    const slow = fetch(`${proxy.url}/slow`);
    await until(() => shop.slow.length === 1);
    await proxy.route([]);
    let ended = false;
    const limits = { requestsMs: 60_000, tunnelsMs: 60_000 };
    const drained = proxy.traffic.drain(ProxyProgram.app, [shop.target.instance], limits).finally(() => (ended = true));
    // The other worker has said that it has nothing: it takes this table only after the order to drain.
    await proxy.route([]);
    expect(ended).toBe(false);
    shop.slow[0]?.end("done");
    expect((await slow).status).toBe(200);
    expect((await drained).cut).toBe(0);
  });

  test("a tunnel that does not end is ended at the limit, and not counted as cut", async () => {
    const echo = await echoServer();
    const target = { instance: "web.r1.2", host: "127.0.0.1", port: echo.port, health: null };
    const proxy = await proxyWith({ ...QUICK, graceMs: 60_000, lingerMs: 60_000 });
    await proxy.route([target], proxy.parts);
    const client = await Listener.to(proxy.port);
    client.socket.pause();
    await proxy.route([], proxy.parts);
    const outcome = await proxy.traffic.drain(ProxyProgram.app, [target.instance], { requestsMs: 50, tunnelsMs: 300 });
    expect(outcome.cut).toBe(0);
    await until(() => echo.closed.length === 1);
  });
});

/** The proxy as a program, for an app with these WebSockets. */
async function proxyWith(websockets: WebSocketSpec) {
  const port = await freePort();
  const proxy = await ProxyProgram.started(port);
  return Object.assign(proxy, { port, parts: { proxy: { holdMs: 0, firstByteTimeoutMs: 60_000, websockets } } });
}
