import { connect as connectHttp2 } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EventStreamSpec } from "../../../src/core/event-streams.ts";
import { connectRaw, type RawClient } from "../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering, type Peer } from "../../support/wire/scripted-upstream.ts";
import { WireProxy, type WireProxyOptions } from "../../support/wire/wire-proxy.ts";

const AT_ONCE: EventStreamSpec = { graceMs: 0, spreadMs: 0 };
const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
const GET = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_CHUNK = "\r\n0\r\n\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe("an event stream whose instance is replaced", () => {
  test("goes on for the grace, then ends as a whole answer; its connection takes the next request to the new release", async () => {
    const { proxy, client, peer } = await streaming({ graceMs: 1_000 });
    peer.send(chunk("id: 1\ndata: x\n\n"));
    await hears(client, "data: x\n\n");
    const next = await startAnswering();
    proxy.route([next.port]);
    const drained = proxy.drain([peer.port]);
    peer.send(chunk("id: 2\ndata: y\n\n"));
    await hears(client, "data: y\n\n");
    const answer = await client.answer();
    expect(answer.body).toBe("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    await drained;
    await peer.gone();
    client.send(GET);
    expect((await client.answer()).body).toBe("ok");
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  test("ends after the event that is under way; what comes behind it in the same piece is left out", async () => {
    const { proxy, client, peer } = await streaming();
    peer.send(chunk("data: x\n\ndata: y"));
    await hears(client, "data: y");
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await pause(50);
    expect(client.text.endsWith(LAST_CHUNK)).toBe(false);
    peer.send(`${chunk("\n")}${chunk("\ndata: never\n\n")}`);
    expect((await client.answer()).body).toBe("data: x\n\ndata: y\n\n");
    await drained;
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  test("that does not end its event is not waited for", async () => {
    const { proxy, client, peer } = await streaming();
    peer.send(chunk("data: x\n\ndata: y"));
    await hears(client, "data: y");
    proxy.route([]);
    const begun = performance.now();
    await proxy.drain([peer.port]);
    expect(performance.now() - begun).toBeGreaterThan(1_500);
    expect((await client.answer()).body).toBe("data: x\n\ndata: y");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  test("ends in order at the limit of the drain, too, and is not counted as cut", async () => {
    const { proxy, client, peer } = await streaming({ graceMs: 60_000 });
    peer.send(chunk("data: x"));
    await hears(client, "data: x");
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    proxy.cut([peer.port]);
    expect((await client.answer()).body).toBe("data: x");
    await drained;
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  test("the grace is shortened where the limit comes sooner", async () => {
    const { proxy, client, peer } = await streaming({ graceMs: 60_000, spreadMs: 60_000 });
    proxy.route([]);
    const begun = performance.now();
    await proxy.drain([peer.port], 2_100);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect((await client.answer()).body).toBe("");
  });

  test("and its like end one after the other", async () => {
    const upstream = await eventSource();
    const proxy = await WireProxy.start([upstream.port], { proxy: { eventStreams: { graceMs: 0, spreadMs: 1_000 } } });
    const clients = await Promise.all(Array.from({ length: 8 }, () => connected(proxy)));
    const ends: number[] = [];
    const answers = clients.map(async (client) => {
      await client.answer();
      ends.push(performance.now());
    });
    proxy.route([]);
    await proxy.drain([upstream.port]);
    await Promise.all(answers);
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(500);
    expect(await proxy.ledger()).toEqual({ served: 8 });
  });

  test("that begins in the middle of the drain ends, too", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port], { proxy: { eventStreams: AT_ONCE } });
    const client = await connectRaw(proxy.port);
    client.send(GET);
    const peer = await upstream.peer(1);
    await peer.head();
    proxy.route([]);
    const drained = proxy.drain([upstream.port]);
    peer.send(HEAD);
    expect((await client.answer()).body).toBe("");
    await drained;
  });

  test("stays when its instance is in the table again before", async () => {
    const { proxy, client, peer } = await streaming({ graceMs: 100 });
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    proxy.route([peer.port]);
    await pause(300);
    peer.send(chunk("data: still\n\n"));
    await hears(client, "data: still\n\n");
    expect(client.text.endsWith(LAST_CHUNK)).toBe(false);
    peer.send("0\r\n\r\n");
    await drained;
  });

  test("ends in order when the worker itself ends", async () => {
    const { proxy, client } = await streaming();
    proxy.worker.shutdown(20_000, "keep");
    expect((await client.answer()).body).toBe("");
  });

  test("ends with END_STREAM for a client of HTTP/2", async () => {
    const upstream = await eventSource("data: x\n\n");
    const proxy = await WireProxy.start([upstream.port], { proxy: { eventStreams: AT_ONCE, http2Cleartext: true } });
    const session = connectHttp2(`http://127.0.0.1:${String(proxy.port)}`);
    onTestFinished(() => {
      session.destroy();
    });
    const stream = session.request({ ":path": "/events" });
    let text = "";
    await new Promise<void>((resolve) => {
      stream.on("data", (data: Buffer) => {
        text += data.toString();
        resolve();
      });
    });
    const ended = new Promise((resolve) =>
      stream.on("close", () => {
        resolve(stream.rstCode);
      }),
    );
    proxy.route([]);
    await proxy.drain([upstream.port]);
    expect(await ended).toBe(0);
    expect(text).toBe("data: x\n\n");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  test("to a client of HTTP/1.0 ends with its connection", async () => {
    const upstream = await eventSource("data: x\n\n");
    const proxy = await WireProxy.start([upstream.port], { proxy: { eventStreams: AT_ONCE } });
    const client = await connectRaw(proxy.port);
    client.send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n");
    await hears(client, "data: x\n\n");
    proxy.route([]);
    await proxy.drain([upstream.port]);
    await client.gone();
    expect(client.text.endsWith("data: x\n\n")).toBe(true);
  });
});

describe("what is no stream of events, or one with an end of its own", () => {
  test.each([
    ["another type", HEAD.replace("text/event-stream", "text/plain")],
    ["a length", HEAD.replace("Transfer-Encoding: chunked", "Content-Length: 100")],
    ["another status", HEAD.replace("200 OK", "500 No")],
  ])("%s: it is waited for, and cut at the limit", async (_, head) => {
    const { proxy, client, peer } = await streaming({}, head);
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await pause(100);
    proxy.cut([peer.port]);
    await drained;
    await client.gone();
    expect(client.text.endsWith("0\r\n\r\n")).toBe(false);
    expect(await proxy.ledger()).toEqual({ cut: 1 });
  });
});

test("a compressed one ends after a piece", async () => {
  const head = HEAD.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
  const { proxy, client, peer } = await streaming({}, head);
  peer.send(chunk("\x1f\x8bxyz"));
  await hears(client, "xyz");
  proxy.route([]);
  await proxy.drain([peer.port]);
  expect((await client.answer()).body).toBe("\x1f\x8bxyz");
});

test("a pause does not wait for them", async () => {
  const { proxy } = await streaming();
  proxy.route([], { gate: { pause: { until: Date.now() + 60_000, then: "refuse" }, exceptPaths: [] } });
  expect(await proxy.quiet()).toBe(true);
});

test("one that is quiet for long is no application that stopped in the middle of its answer", async () => {
  const { proxy, client, peer } = await streaming({}, HEAD, { limits: { betweenBytesMs: 20, tunnelIdleMs: 1_000 } });
  await pause(100);
  peer.send(chunk("data: late\n\n"));
  await hears(client, "data: late\n\n");
  expect((await client.answer()).body).toBe("data: late\n\n");
  expect(await proxy.ledger()).toEqual({ served: 1 });
});

interface Stand {
  readonly proxy: WireProxy;
  readonly client: RawClient;
  readonly peer: Peer & { readonly port: number };
}

/** An answer whose head has come. */
async function streaming(spec: Partial<EventStreamSpec> = {}, head = HEAD, options: WireProxyOptions = {}): Promise<Stand> {
  const upstream = await ScriptedUpstream.start();
  const proxy = await WireProxy.start([upstream.port], { ...options, proxy: { eventStreams: { ...AT_ONCE, ...spec } } });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  const peer = await upstream.peer(1);
  await peer.head();
  peer.send(head);
  await hears(client, "\r\n\r\n");
  return { proxy, client, peer: Object.assign(peer, { port: upstream.port }) };
}

/** An application that begins a stream of events and says this. */
async function eventSource(text = ": hello\n\n"): Promise<ScriptedUpstream> {
  return ScriptedUpstream.start(async (peer) => {
    await peer.request();
    peer.send(`${HEAD}${chunk(text)}`);
  });
}

async function connected(proxy: WireProxy): Promise<RawClient> {
  const client = await connectRaw(proxy.port);
  client.send(GET);
  await hears(client, ": hello\n\n");
  return client;
}

async function hears(client: RawClient, text: string): Promise<void> {
  await client.until(JSON.stringify(text), () => (client.text.includes(text) ? true : null));
}
