import { describe, expect, it } from "vitest";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { turn } from "../../../support/wire/vectors.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

async function stand(
  upstream: ScriptedUpstream,
  options: WireProxyOptions = {},
): Promise<{ proxy: WireProxy; client: RawClient }> {
  const proxy = await WireProxy.start([upstream.port], options);
  return { proxy, client: await connectRaw(proxy.port) };
}

async function ask(client: RawClient, request = GET): Promise<void> {
  client.send(request);
  const answer = await client.answer();
  expect(answer.startLine).toBe("HTTP/1.1 200 OK");
  expect(answer.body).toBe("ok");
}

describe("the pool of idle connections to a target", () => {
  it("one connection serves one client after the other", async () => {
    const upstream = await startAnswering();
    const { proxy, client } = await stand(upstream);
    await ask(client);
    await ask(client, POST);
    await ask(await connectRaw(proxy.port));
    expect(upstream.peers).toHaveLength(1);
  });

  it.each(["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"])(
    "G10: unsolicited bytes (%j) end it; no client ever sees them",
    async (bytes) => {
      const upstream = await startAnswering();
      const { client } = await stand(upstream);
      await ask(client);
      upstream.peers[0]!.send(bytes);
      await upstream.peers[0]!.gone();
      await ask(client);
      expect(upstream.peers).toHaveLength(2);
    },
  );

  it("J2: a FIN while it is idle ends it", async () => {
    const upstream = await startAnswering();
    const { proxy, client } = await stand(upstream);
    await ask(client);
    upstream.peers[0]!.fin();
    await upstream.peers[0]!.gone();
    await ask(client, POST);
    expect(upstream.peers).toHaveLength(2);
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("J11: HEAD without a length, then a FIN without notice: the next POST is not lost", async () => {
    const upstream = await ScriptedUpstream.start(async (peer, number) => {
      await peer.request();
      if (number % 2 === 0) {
        peer.send(OK);
        return;
      }
      peer.send("HTTP/1.1 200 OK\r\n\r\n");
      peer.fin();
    });
    const { proxy, client } = await stand(upstream);
    for (let round = 0; round < 10; round += 1) {
      client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
      expect((await client.answer("HEAD")).startLine).toBe("HTTP/1.1 200 OK");
      await ask(client, POST);
      upstream.peers.at(-1)!.fin();
      await upstream.peers.at(-1)!.gone();
    }
    expect(await proxy.ledger()).toEqual({ served: 20 });
  });

  it("§3.3 b: not after the time that the application announces, less a margin", async () => {
    const upstream = await startAnswering("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok");
    const { client } = await stand(upstream);
    await ask(client);
    await upstream.peers[0]!.gone();
    await ask(client);
    expect(upstream.peers).toHaveLength(2);
  });

  it("§3.3 b: the proxy closes it after its own idle time, which loses nothing", async () => {
    const upstream = await startAnswering();
    const { client } = await stand(upstream, { limits: { upstreamIdleMs: 30 } });
    await ask(client);
    await upstream.peers[0]!.gone();
    expect(upstream.peers[0]!.reset).toBe(false);
    await ask(client);
    expect(upstream.peers).toHaveLength(2);
  });

  it("§3.3 c: what must not be repeated takes only one that was used a moment ago", async () => {
    const upstream = await startAnswering();
    const { client } = await stand(upstream, { limits: { upstreamFreshMs: -1 } });
    await ask(client);
    await ask(client, POST);
    expect(upstream.peers).toHaveLength(2);
    await ask(client);
    expect(upstream.peers).toHaveLength(2);
  });

  it("§3.3 d: after two stale ones in a row none of the others is trusted", async () => {
    const upstream = await ScriptedUpstream.start(async (peer, number) => {
      await peer.request();
      await upstream.peer(4);
      peer.send(OK);
      await peer.request();
      if (number > 4) peer.send(OK);
      peer.socket.destroy();
    });
    const { proxy, client } = await stand(upstream);
    const clients = [client, await connectRaw(proxy.port), await connectRaw(proxy.port), await connectRaw(proxy.port)];
    await Promise.all(clients.map((one) => ask(one)));
    expect(upstream.peers).toHaveLength(4);
    await Promise.all([ask(clients[0]!), ask(clients[1]!)]);
    await Promise.all(upstream.peers.slice(0, 4).map((peer) => peer.gone()));
    expect(upstream.peers.slice(0, 4).filter((peer) => peer.received.split("GET / ").length - 1 === 1)).toHaveLength(2);
    expect(await proxy.ledger()).toEqual({ served: 4, servedAfterRetry: 2 });
  });

  it("§3.3 f, G13: not after an early answer; the client's connection ends after it", async () => {
    const upstream = await ScriptedUpstream.start(async (peer, number) => {
      if (number === 1) await peer.head();
      else await peer.request();
      peer.send(OK);
    });
    const { proxy, client } = await stand(upstream);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart");
    const answer = await client.answer();
    expect(answer.body).toBe("ok");
    expect(answer.raw).toContain("\r\nConnection: close\r\n");
    await client.gone();
    await upstream.peers[0]!.gone();
    await ask(await connectRaw(proxy.port));
    expect(upstream.peers).toHaveLength(2);
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("§3.4: a drain closes the idle ones at once and waits for the others", async () => {
    const upstream = await ScriptedUpstream.start(async (peer, number) => {
      await peer.request();
      if (number === 1) await upstream.peer(2);
      peer.send(OK);
    });
    const other = await startAnswering();
    const { proxy, client } = await stand(upstream);
    const slow = await connectRaw(proxy.port);
    slow.send(GET);
    const busy = await upstream.peer(1);
    await busy.until("a request", () => (busy.received === "" ? null : true));
    let drained = false;
    proxy.route([other.port]);
    const drain = proxy.drain([upstream.port]).then(() => (drained = true));
    await ask(client);
    await turn();
    expect([drained, other.requests.length, upstream.peers.length]).toEqual([false, 1, 1]);
    // The connection that would let the first one answer is made by hand.
    await connectRaw(upstream.port);
    expect(await slow.status()).toBe(200);
    await drain;
    await upstream.peers[0]!.gone();
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("G17: a client that goes within its answer ends the application's connection too", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    const { proxy, client } = await stand(upstream);
    client.send(GET);
    await client.until("the start", () => (client.text.endsWith("hello") ? true : null));
    client.rst();
    await upstream.peers[0]!.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });
});
