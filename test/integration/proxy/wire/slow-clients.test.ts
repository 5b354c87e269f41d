import { describe, expect, it } from "vitest";
import { until } from "../../../support/temp.ts";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function isServed({ port }: WireProxy): Promise<boolean> {
  const client = await connectRaw(port);
  client.send(GET);
  return (await client.status()) === 200;
}

/** Sends a byte every few milliseconds until the connection ends. */
async function trickle(client: RawClient, text: string): Promise<void> {
  for (const byte of text) {
    if (client.ended || client.closed || client.text !== "") return;
    client.send(byte);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("K: slow clients and floods", () => {
  it("K1: a head that does not end in time is answered with 408, others are served meanwhile", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { headTimeoutMs: 1_000 } });
    const slow = await Promise.all(Array.from({ length: 20 }, () => connectRaw(proxy.port)));
    const trickling = slow.map((client) => trickle(client, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(1_000)}`));
    const other = await connectRaw(proxy.port);
    other.send(GET);
    expect(await other.status()).toBe(200);
    for (const client of slow) {
      expect(await client.status()).toBe(408);
      await client.gone();
    }
    await Promise.all(trickling);
    expect(upstream.requests).toHaveLength(1);
    expect(await proxy.ledger()).toEqual({ served: 1, refused: 20 });
  });

  it("K1: a second request on the connection has the same limit", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { headTimeoutMs: 500 } });
    const client = await connectRaw(proxy.port);
    client.send(`${GET}GET / HT`);
    expect([await client.status(), await client.status()]).toEqual([200, 408]);
    await client.gone();
    expect(await proxy.ledger()).toEqual({ served: 1, refused: 1 });
  });

  it("K4: who connects and says nothing is let go, without a word", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { headTimeoutMs: 50 } });
    const client = await connectRaw(proxy.port);
    await client.gone();
    expect([client.received, client.reset]).toEqual(["", false]);
    const empty = await connectRaw(proxy.port);
    empty.send("\r\n");
    await empty.gone();
    expect(empty.received).toBe("");
    expect(await proxy.ledger()).toEqual({});
  });

  it("K2: a body that stops is answered with 408; the application never sees a whole request", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { bodyIdleMs: 50 } });
    for (const rest of ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]) {
      const client = await connectRaw(proxy.port);
      client.send(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
      expect(await client.status()).toBe(408);
      await client.gone();
      await upstream.peers.at(-1)!.gone();
      // Later bytes of that body are no request (pause-based smuggling).
      client.send(`hello${GET}`);
    }
    expect(upstream.requests).toEqual([]);
    expect(await proxy.ledger()).toEqual({ refused: 2 });
  });

  it("K3: a client that reads nothing is let go, and with it the application's connection", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
      const piece = Buffer.alloc(1_048_576, "x");
      for (let sent = 0; sent < 100 && !peer.closed; sent += 1)
        if (!peer.socket.write(piece))
          await new Promise<void>((resolve) => peer.socket.once("drain", resolve).once("close", resolve));
    });
    const proxy = await WireProxy.start([upstream.port], { limits: { writeStallMs: 100 } });
    const client = await connectRaw(proxy.port);
    client.socket.pause();
    client.send(GET);
    await (await upstream.peer(1)).gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });

  it("K7: over the limit of connections: 503, and accepting goes on afterwards", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { clientConnectionsMax: 2 } });
    const [one, two] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    const third = await connectRaw(proxy.port);
    expect(await third.status()).toBe(503);
    await third.gone();
    one.rst();
    two.send(GET);
    expect(await two.status()).toBe(200);
    await until(() => isServed(proxy), { what: "there is room again" });
  });

  it("K7: over the limit of one client: 503 and counted; others are served, and so is it when one of its connections is gone", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { proxy: { connectionsPerClient: 2 } });
    const [one] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    const third = await connectRaw(proxy.port);
    expect(await third.status()).toBe(503);
    await third.gone();
    expect(proxy.connectionsRefused).toBe(1);
    const other = await connectRaw(proxy.port, "127.0.0.2");
    other.send(GET);
    expect(await other.status()).toBe(200);
    one.rst();
    await until(() => isServed(proxy), { what: "there is room again" });
    proxy.serveAnother("strict", { proxy: { holdMs: 0, firstByteTimeoutMs: 0, connectionsPerClient: 1 } });
    const late = await connectRaw(proxy.port, "127.0.0.2");
    expect(await late.status()).toBe(503);
  });

  it("K10: a storm of clients that go leaves nothing behind", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      // A client that closed in good order is seen to be gone when it is written to.
      while (!peer.ended && !peer.closed) {
        peer.send("1\r\nx\r\n");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const proxy = await WireProxy.start([upstream.port]);
    const parts = ["", "G", "GET / HTTP/1.1\r\n", GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"];
    for (let round = 0; round < 10; round += 1)
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const client = await connectRaw(proxy.port);
          client.send(parts[index % parts.length]!);
          await new Promise(setImmediate);
          if (index % 2 === 0) client.rst();
          else client.socket.destroy();
        }),
      );
    await until(() => upstream.peers.every((peer) => peer.ended || peer.closed), { what: "all of them are gone" });
    const { served, ...others } = await proxy.ledger();
    expect([served, Object.keys(others)]).toEqual([undefined, ["clientGone"]]);
  });
});
