import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WebSocketSpec } from "../../../src/core/websockets.ts";
import { until } from "../../support/temp.ts";
import { echoServer, Listener } from "../../support/websocket-site.ts";
import { connectRaw, type RawClient } from "../../support/wire/raw-client.ts";
import { ScriptedUpstream, type Peer } from "../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";

const AT_ONCE: WebSocketSpec = { graceMs: 0, spreadMs: 0, lingerMs: 0, closeCode: 1012 };
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const CLOSE_1012 = "\x88\x02\x03\xf4";
/** A masked frame whose mask is 0: what it says can be read. */
const said = (text: string): string => `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;
const CLIENT_CLOSE = "\x88\x82\0\0\0\0\x03\xf4";

const proxyFor = (ports: readonly number[], websockets: Partial<WebSocketSpec> = {}): Promise<WireProxy> =>
  WireProxy.start(ports, { proxy: { websockets: { ...AT_ONCE, ...websockets } } });

describe("a WebSocket whose instance is replaced", () => {
  test("scenario 32: goes on through the switch; then it is closed with 1012, its application hears of it, and nothing is lost", async () => {
    const [old, next] = [await echoServer(), await echoServer()];
    const proxy = await proxyFor([old.port], { graceMs: 1_000 });
    const client = await Listener.to(proxy.port);
    await client.says("before");
    proxy.route([next.port]);
    await client.says("after the switch");
    const drained = proxy.drain([old.port]);
    await client.says("while it drains");
    expect((await client.closed).code).toBe(1012);
    await drained;
    await until(() => old.closed.length === 1);
    expect(old.closed[0]?.code).toBe(1001);
    await (await Listener.to(proxy.port)).says("to the new one");
    expect(next.messages).toEqual(["to the new one"]);
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  test("may be told 1001 instead", async () => {
    const old = await echoServer();
    const proxy = await proxyFor([old.port], { closeCode: 1001 });
    const client = await Listener.to(proxy.port);
    proxy.route([]);
    await proxy.drain([old.port]);
    expect((await client.closed).code).toBe(1001);
  });

  test("is not closed when its instance is in the table again before", async () => {
    const old = await echoServer();
    const proxy = await proxyFor([old.port], { graceMs: 100 });
    const client = await Listener.to(proxy.port);
    proxy.route([]);
    const drained = proxy.drain([old.port]);
    proxy.route([old.port]);
    await pause(300);
    await client.says("still here");
    client.socket.close();
    await drained;
  });

  test("that opens in the middle of the drain is closed, too", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await proxyFor([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(UPGRADE);
    const peer = await upstream.peer(1);
    await peer.head();
    proxy.route([]);
    const drained = proxy.drain([upstream.port]);
    peer.send(SWITCHED);
    await ends(client, CLOSE_1012);
    client.send(CLIENT_CLOSE);
    await peer.gone();
    await drained;
  });

  test("scenario 33: and its like are closed one after the other", async () => {
    const old = await echoServer();
    const proxy = await proxyFor([old.port], { spreadMs: 2_000 });
    const clients = await Promise.all(Array.from({ length: 8 }, () => Listener.to(proxy.port)));
    proxy.route([]);
    const drained = proxy.drain([old.port]);
    await Promise.race(clients.map(({ closed }) => closed));
    expect(clients.filter(({ isOpen }) => isOpen).length).toBeGreaterThanOrEqual(4);
    await drained;
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    expect(codes).toEqual(Array.from({ length: 8 }, () => 1012));
  });

  test("is closed in order when the worker itself ends", async () => {
    const old = await echoServer();
    const proxy = await proxyFor([old.port]);
    const client = await Listener.to(proxy.port);
    proxy.worker.shutdown(20_000, "keep");
    expect((await client.closed).code).toBe(1012);
    await until(() => old.closed.length === 1);
    expect(old.closed[0]?.code).toBe(1001);
  });
});

describe("where the close frame stands", () => {
  test("after the message that is under way, however large its frames are", async () => {
    const { proxy, client, peer } = await raw();
    const payload = "x".repeat(70_000);
    const frame = `\x01\x7f\0\0\0\0\0\x01\x11\x70${payload}`;
    peer.send(frame.slice(0, 30_000));
    await ends(client, frame.slice(0, 30_000));
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await pause(50);
    expect(client.text.includes(CLOSE_1012)).toBe(false);
    const rest = `${frame.slice(30_000)}\x89\x01p\x00\x01y\x80\x04last`;
    peer.send(`${rest}\x81\x04more`);
    await ends(client, CLOSE_1012);
    expect(client.text).toBe(`${frame.slice(0, 30_000)}${rest}${CLOSE_1012}`);
    client.send(CLIENT_CLOSE);
    await client.gone();
    peer.fin();
    await drained;
  });

  test("between two fragments of a message that has no end", async () => {
    const { proxy, client, peer } = await raw();
    peer.send("\x01\x01x");
    await ends(client, "x");
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await ends(client, `\x01\x01x${CLOSE_1012}`);
    client.send(CLIENT_CLOSE);
    await client.gone();
    peer.fin();
    await drained;
  });

  test("a client hears a large message in fragments to its end before it is closed", async () => {
    const upstream = await echoServer();
    const proxy = await proxyFor([upstream.port]);
    const client = await Listener.to(proxy.port);
    const [application] = upstream.server.clients;
    const part = "y".repeat(1024 * 1024);
    application?.send(part, { fin: false });
    await until(() => client.bytesRead > part.length);
    proxy.route([]);
    const drained = proxy.drain([upstream.port]);
    await pause(50);
    application?.send(part, { fin: false });
    application?.send("z", { fin: true });
    expect((await client.closed).code).toBe(1012);
    expect(client.heard.map((text) => text === `${part}${part}z`)).toEqual([true]);
    await drained;
  });

  test("what the client says before it answers still reaches the application, which gets a masked close frame then", async () => {
    const { proxy, client, peer } = await raw();
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await ends(client, CLOSE_1012);
    client.send(said("last words"));
    client.send(`${CLIENT_CLOSE}${said("nothing more")}`);
    await client.gone();
    await peer.until("the end", () => (peer.ended ? true : null));
    const [before, after = ""] = peer.text.split("last words");
    expect(before).toBe("\x81\x8a\0\0\0\0");
    expect(after).toHaveLength(8);
    const [first = 0, second = 0, ...rest] = Buffer.from(after, "latin1");
    expect([first, second]).toEqual([0x88, 0x82]);
    expect(unmasked(rest)).toBe(1001);
    peer.fin();
    await drained;
  });

  test("a client that does not answer is left after two seconds, and its application hears of it", async () => {
    const { proxy, client, peer } = await raw();
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    await ends(client, CLOSE_1012);
    peer.send("\x81\x01x");
    await peer.until("the end", () => (peer.ended ? true : null));
    expect(peer.text).toHaveLength(8);
    expect(client.text).toBe(CLOSE_1012);
    peer.fin();
    await drained;
  });

  test("nowhere, where the application has closed by itself", async () => {
    const { proxy, client, peer } = await raw();
    peer.send("\x88\x02\x03\xe8");
    await ends(client, "\x03\xe8");
    proxy.route([]);
    const drained = proxy.drain([peer.port]);
    client.send(CLIENT_CLOSE);
    await client.gone();
    expect(client.text).toBe("\x88\x02\x03\xe8");
    peer.fin();
    await drained;
  });
});

test("what is no WebSocket gets nothing that it does not know, and ends at the limit", async () => {
  const { proxy, client, peer } = await raw("echo");
  proxy.route([]);
  const drained = proxy.drain([peer.port]);
  await pause(100);
  peer.send("still");
  await ends(client, "still");
  proxy.cut([peer.port]);
  await client.gone();
  expect(client.text).toBe("still");
  await drained;
});

interface Stand {
  readonly proxy: WireProxy;
  readonly client: RawClient;
  readonly peer: Peer & { readonly port: number };
}

/** Both ends of a tunnel as raw sockets. */
async function raw(protocol = "websocket"): Promise<Stand> {
  const upstream = await ScriptedUpstream.start();
  const proxy = await proxyFor([upstream.port]);
  const client = await connectRaw(proxy.port);
  client.send(UPGRADE.replace("websocket", protocol));
  const peer = await upstream.peer(1);
  await peer.head();
  peer.text = "";
  peer.send(SWITCHED.replace("websocket", protocol));
  await client.answer();
  onTestFinished(() => {
    peer.fin();
  });
  return { proxy, client, peer: Object.assign(peer, { port: upstream.port }) };
}

async function ends(client: RawClient, text: string): Promise<void> {
  await client.until(`something that ends with ${JSON.stringify(text.slice(-20))}`, () =>
    client.text.endsWith(text) ? true : null,
  );
}

function unmasked([a = 0, b = 0, , , high = 0, low = 0]: readonly number[]): number {
  return ((high ^ a) << 8) | (low ^ b);
}
