import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Gate, MaintenanceGate } from "../../../../src/core/gate.ts";
import { until } from "../../../support/temp.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (path = "/", fields = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const LONG_MS = 600_000;

function paused(forMs = LONG_MS, then: "refuse" | "resume" = "refuse"): { gate: Gate } {
  return { gate: { pause: { until: Date.now() + forMs, then }, exceptPaths: ["/up"] } };
}

function maintained(more: Partial<MaintenanceGate> = {}): { gate: Gate } {
  const page = { type: "text/html; charset=utf-8", body: "<h1>Später</h1>" };
  const maintenance = { status: 503, retryAfterS: 120, page, allow: [], allowCookies: [], ...more };
  return { gate: { maintenance, exceptPaths: ["/up"] } };
}

describe("a pause", () => {
  it("lets requests wait, those in flight finish, and says when nothing is in flight any more", async () => {
    const slow = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([slow.port]);
    const [first, second] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    first.send(get("/slow"));
    const peer = await slow.peer(1);
    await peer.request();
    proxy.route([slow.port], paused());
    let quiet: boolean | null = null;
    const asked = proxy.quiet().then((answer) => (quiet = answer));
    second.send(get("/waits"));
    await until(() => proxy.held === 1, { what: "it waits" });
    expect(quiet).toBeNull();
    peer.send(OK);
    expect(await first.status()).toBe(200);
    await asked;
    expect(quiet).toBe(true);
    expect(slow.received).not.toContain("/waits");
    const live = await startAnswering();
    proxy.route([live.port]);
    expect(await second.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ served: 1, servedAfterHold: 1 });
  });

  it("that ends while something is still in flight: nobody gets 503, and who asked is told", async () => {
    const slow = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([slow.port]);
    const [first, second] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    first.send(get("/slow"));
    const peer = await slow.peer(1);
    await peer.request();
    proxy.route([slow.port], paused());
    const asked = proxy.quiet();
    second.send(get("/waits"));
    await until(() => proxy.held === 1, { what: "it waits" });
    proxy.route([slow.port]);
    expect(await asked).toBe(false);
    const other = await slow.peer(2);
    await other.request();
    other.send(OK);
    peer.send(OK);
    expect(await second.status()).toBe(200);
    expect(await first.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ served: 1, servedAfterHold: 1 });
  });

  it("holds even where the app holds nothing else, through tables and dead targets; health checks go through", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port], { proxy: { holdMs: 0 } });
    const gate = paused();
    proxy.route([live.port], gate);
    const client = await connectRaw(proxy.port);
    client.send(get());
    await until(() => proxy.held === 1, { what: "it waits" });
    proxy.route([], gate);
    proxy.route([live.port], gate);
    const check = await connectRaw(proxy.port);
    check.send(get("/up?from=balancer"));
    expect(await check.status()).toBe(200);
    expect(proxy.held).toBe(1);
    proxy.route([live.port]);
    expect(await client.status()).toBe(200);
  });

  it("a request whose instance dies is not repeated into the pause", async () => {
    const dying = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
    });
    const proxy = await WireProxy.start([dying.port]);
    const client = await connectRaw(proxy.port);
    client.send(get());
    const peer = await dying.peer(1);
    await until(() => peer.received.includes("\r\n\r\n"), { what: "it is in flight" });
    const live = await startAnswering();
    proxy.route([dying.port, live.port], paused());
    peer.socket.destroy();
    await until(() => client.received !== "" || proxy.held === 1, { what: "it waits or is answered" });
    expect(live.received).toBe("");
  });

  it("at its limit: 503 with Retry-After for those that wait and those that come", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port]);
    proxy.route([live.port], paused(150));
    const clients = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    for (const client of clients) client.send(get());
    for (const client of clients) expect((await client.answer()).raw).toMatch(/^HTTP\/1.1 503 [^]*\r\nRetry-After: \d+\r\n/);
    const late = await connectRaw(proxy.port);
    late.send(get());
    expect(await late.status()).toBe(503);
    expect(await proxy.ledger()).toEqual({ failed: 3 });
    expect(live.received).toBe("");
  });

  it("at its limit, if that was asked for: it is over, in the worker itself", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port]);
    proxy.route([live.port], paused(150, "resume"));
    const client = await connectRaw(proxy.port);
    client.send(get());
    expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ servedAfterHold: 1 });
  });

  it("does not wait for tunnels", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    await client.until("the 101", () => (client.text.includes("101") ? true : null));
    proxy.route([upstream.port], paused());
    expect(await proxy.quiet()).toBe(true);
  });
});

describe("maintenance", () => {
  it("answers with page, status and Retry-After, keeps the connection, and is its own column", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port]);
    proxy.route([live.port], maintained());
    const client = await connectRaw(proxy.port);
    client.send(get());
    const answer = await client.answer();
    expect(answer.startLine).toBe("HTTP/1.1 503 Service Unavailable");
    expect(answer.body).toBe(Buffer.from("<h1>Später</h1>").toString("latin1"));
    for (const field of [
      "Content-Type: text/html; charset=utf-8",
      "Content-Length: 16",
      "Cache-Control: no-store",
      "Retry-After: 120",
    ])
      expect(answer.raw).toContain(`\r\n${field}\r\n`);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.answer("HEAD")).body).toBe("");
    expect(live.received).toBe("");
    proxy.route([live.port]);
    client.send(get());
    expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ maintenance: 2, served: 1 });
  });

  it.each([
    ["the health path", {}, get("/up"), 200],
    ["a path that only begins so", {}, get("/upper"), 503],
    ["an address in a range", { allow: ["10.0.0.0/8", "127.0.0.0/8"] }, get(), 200],
    ["the address itself", { allow: ["127.0.0.1"] }, get(), 200],
    ["an address outside", { allow: ["10.0.0.0/8", "2001:db8::/32"] }, get(), 503],
    ["a cookie with the value", { allowCookies: [{ name: "pass", value: "yes" }] }, get("/", "Cookie: a=b; pass=yes\r\n"), 200],
    ["a cookie with another value", { allowCookies: [{ name: "pass", value: "yes" }] }, get("/", "Cookie: pass=no\r\n"), 503],
    ["another status", { status: 200 }, get(), 200],
  ])("%s", async (name, more, request, status) => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port]);
    proxy.route([live.port], maintained(more));
    const client = await connectRaw(proxy.port);
    client.send(request);
    const answer = await client.answer();
    expect(answer.startLine).toContain(String(status));
    const passed = status === 200 && name !== "another status";
    expect(await proxy.ledger()).toEqual(passed ? { served: 1 } : { maintenance: 1 });
  });

  it("takes the place of a wait: those that wait get the page at once, those that may pass wait on", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port]);
    const { gate } = paused();
    proxy.route([live.port], { gate });
    const [one, passing] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    one.send(get());
    passing.send(get("/", "Cookie: pass=yes\r\n"));
    await until(() => proxy.held === 2, { what: "both wait" });
    const more = maintained({ allowCookies: [{ name: "pass", value: null }] }).gate;
    proxy.route([live.port], { gate: { ...gate, ...more } });
    expect((await one.answer()).startLine).toContain("503");
    expect(proxy.held).toBe(1);
    proxy.route([live.port], { gate: more });
    expect(await passing.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ maintenance: 1, servedAfterHold: 1 });
  });

  it("over HTTP/2 too, with a body that is not read", async () => {
    const live = await startAnswering();
    const proxy = await WireProxy.start([live.port], { proxy: { http2Cleartext: true } });
    proxy.route([live.port], maintained());
    const session = connectHttp2(`http://127.0.0.1:${String(proxy.port)}`);
    onTestFinished(() => {
      session.destroy();
    });
    const stream = session.request({ ":method": "POST", ":path": "/" });
    let text = "";
    stream.setEncoding("utf8").on("data", (data: string) => (text += data));
    stream.end("x".repeat(100_000));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    await once(stream, "close");
    expect(headers).toMatchObject({ ":status": 503, "content-length": "16", "retry-after": "120", "cache-control": "no-store" });
    expect(text).toBe("<h1>Später</h1>");
    expect(await proxy.ledger()).toEqual({ maintenance: 1 });
  });
});
