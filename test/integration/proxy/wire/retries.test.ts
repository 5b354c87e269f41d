import { describe, expect, it } from "vitest";
import { until } from "../../../support/temp.ts";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { answering, ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { refusingPort } from "../../../support/wire/refusing-port.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path = "/"): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
const bare = (method: string): string => `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`;

/** An application that answers the first request of a connection and drops the connection at the second one, without an answer. */
async function startStale(): Promise<ScriptedUpstream> {
  return ScriptedUpstream.start(async (peer) => {
    await peer.request();
    peer.send(OK);
    await peer.request();
    peer.fin();
    peer.socket.destroy();
  });
}

/** An application that reads every request and drops the connection. */
async function startDropping(): Promise<ScriptedUpstream> {
  return ScriptedUpstream.start(async (peer) => {
    await peer.request();
    peer.socket.destroy();
  });
}

async function stand(
  upstreams: readonly { readonly port: number }[],
  options: WireProxyOptions = {},
): Promise<{ proxy: WireProxy; client: RawClient }> {
  const proxy = await WireProxy.start(
    upstreams.map(({ port }) => port),
    options,
  );
  return { proxy, client: await connectRaw(proxy.port) };
}

/** How many requests with this method reached the application, whole or not. */
function seen({ received }: ScriptedUpstream, method: string): number {
  return received.split(new RegExp(`(?:^|\\r\\n\\r\\n|hello)${method} /`)).length - 1;
}

describe("R0: nothing was sent", () => {
  it.each([
    ["GET", get()],
    ["POST with a body", post()],
    ["POST with a chunked body", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ["an unknown method", bare("FOO")],
  ])("J1: %s goes to another target when the first refuses", async (_, request) => {
    const live = await startAnswering();
    const { proxy, client } = await stand([{ port: await refusingPort() }, live]);
    client.send(request);
    expect(await client.status()).toBe(200);
    expect(live.requests).toHaveLength(1);
    expect(await proxy.ledger()).toEqual({ servedAfterRetry: 1 });
  });

  it("J12, I16: with all targets refusing and no holding: 503 with Retry-After, at once, the connection stays", async () => {
    const { proxy, client } = await stand([{ port: await refusingPort() }, { port: await refusingPort() }]);
    client.send(post());
    const answer = await client.answer();
    expect(answer.startLine).toBe("HTTP/1.1 503 Service Unavailable");
    expect(answer.raw).toMatch(/\r\nRetry-After: \d+\r\n/);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("with all targets refusing it is held, and served by the one that comes", async () => {
    const live = await startAnswering();
    const { proxy, client } = await stand([{ port: await refusingPort() }], { proxy: { holdMs: 10_000 } });
    client.send(post());
    await until(() => proxy.held === 1, { what: "it is held" });
    proxy.route([live.port]);
    expect(await client.status()).toBe(200);
    expect(live.requests.map(({ body }) => body)).toEqual(["hello"]);
    expect(await proxy.ledger()).toEqual({ servedAfterHold: 1 });
  });

  it("the hold has an end", async () => {
    const { proxy, client } = await stand([{ port: await refusingPort() }], { proxy: { holdMs: 50 } });
    client.send(get());
    expect(await client.status()).toBe(503);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("scenario 30, J3: POST meets a FIN that is already there: another connection, nothing lost, nothing twice", async () => {
    const upstream = await startAnswering();
    const { proxy, client } = await stand([upstream]);
    for (let round = 0; round < 20; round += 1) {
      client.send(get());
      expect(await client.status()).toBe(200);
      const { socket } = upstream.peers.at(-1)!;
      await new Promise<void>((resolve) => {
        // The callback comes when the FIN is out; the request is written in the same turn.
        socket.end(() => {
          client.send(post(`/${round}`));
          resolve();
        });
      });
      expect(await client.status()).toBe(200);
    }
    const posts = upstream.requests.map(({ startLine }) => startLine).filter((line) => line.startsWith("POST"));
    expect(posts).toEqual(Array.from({ length: 20 }, (_, round) => `POST /${round} HTTP/1.1`));
    expect(await proxy.ledger()).toEqual({ served: 40 });
  });
});

describe("R1: a connection dies without an answer", () => {
  it.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])(
    "scenario 30, J2: %s on a reused one is repeated once, on a fresh one",
    async (method) => {
      const upstream = await startStale();
      const { proxy, client } = await stand([upstream]);
      client.send(get() + bare(method));
      expect(await client.status()).toBe(200);
      expect(await client.status(method)).toBe(200);
      expect(upstream.peers).toHaveLength(2);
      expect(await proxy.ledger()).toEqual({ served: 1, servedAfterRetry: 1 });
    },
  );

  it.each(["GET", "HEAD", "OPTIONS"])("%s on a fresh one is repeated once", async (method) => {
    const dropping = await startDropping();
    const live = await startAnswering(OK);
    const { proxy, client } = await stand([dropping, live]);
    client.send(bare(method));
    expect(await client.status(method)).toBe(200);
    expect([seen(dropping, method), seen(live, method)]).toEqual([1, 1]);
    expect(await proxy.ledger()).toEqual({ servedAfterRetry: 1 });
  });

  it("J15: the repetition is the original request, nothing doubled", async () => {
    const dropping = await startDropping();
    const live = await startAnswering();
    const { client } = await stand([dropping, live]);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Request-ID: same\r\nCookie: c\r\n\r\n");
    expect(await client.status()).toBe(200);
    expect(live.received).toBe(dropping.received);
    expect(live.received.match(/X-Forwarded-For/gi)).toHaveLength(1);
  });
});

describe("R2: what is not safe to repeat never is", () => {
  it.each([
    ["POST", post(), "POST"],
    ["POST without a body", bare("POST"), "POST"],
    ["PATCH", bare("PATCH"), "PATCH"],
    ["an unknown method", bare("FOO"), "FOO"],
    ["PUT with a body", post().replace("POST", "PUT"), "PUT"],
    ["GET with a body", post().replace("POST", "GET"), "GET"],
  ])("J4: %s on a reused connection: 502, once, and the client's connection stays", async (_, request, method) => {
    const upstream = await startStale();
    const { proxy, client } = await stand([upstream]);
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.status()).toBe(200);
    client.send(request);
    expect(await client.status()).toBe(502);
    expect(seen(upstream, method)).toBe(1);
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ served: 2, failed: 1 });
  });

  it.each([
    ["POST", post(), "POST"],
    ["PUT", bare("PUT"), "PUT"],
    ["DELETE", bare("DELETE"), "DELETE"],
  ])("J5: %s on a fresh connection: 502, once", async (_, request, method) => {
    const dropping = await startDropping();
    const live = await startAnswering();
    const { proxy, client } = await stand([dropping, live]);
    client.send(request);
    expect(await client.status()).toBe(502);
    expect([seen(dropping, method), live.received]).toEqual([1, ""]);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("J10: Expect, and the application goes before it has said 100: not repeated", async () => {
    const dropping = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.socket.destroy();
    });
    const live = await startAnswering();
    const { proxy, client } = await stand([dropping, live]);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect(await client.status()).toBe(502);
    expect(live.received).toBe("");
    await client.gone();
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });
});

describe("R3, R4, R6, R7", () => {
  it.each(["H", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 103 Early Hints\r\n\r\n"])(
    "R3, J6: %j and then nothing: not repeated",
    async (start) => {
      const dying = await ScriptedUpstream.start(async (peer) => {
        await peer.request();
        peer.send(start);
        peer.fin();
      });
      const live = await startAnswering();
      const { proxy, client } = await stand([dying, live]);
      client.send(get());
      if (start.includes("103")) await client.answer("HEAD");
      expect(await client.status()).toBe(502);
      expect(live.received).toBe("");
      expect(await proxy.ledger()).toEqual({ failed: 1 });
    },
  );

  it("R4, J13: no first byte in time: 504, not repeated", async () => {
    const silent = await ScriptedUpstream.start();
    const live = await startAnswering();
    const { proxy, client } = await stand([silent, live], { proxy: { firstByteTimeoutMs: 50 } });
    client.send(get());
    expect(await client.status()).toBe(504);
    await silent.peers[0]!.gone();
    expect([silent.peers.length, live.received]).toEqual([1, ""]);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("J13: nothing more in time after the head: the client sees that the answer is not whole", async () => {
    const stuck = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    });
    const { proxy, client } = await stand([stuck], { limits: { betweenBytesMs: 50 } });
    client.send(get());
    await client.gone();
    expect(client.reset).toBe(true);
    await stuck.peers[0]!.gone();
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("R6: a request is repeated once only", async () => {
    const dropping = await startDropping();
    const { proxy, client } = await stand([dropping]);
    client.send(get());
    expect(await client.status()).toBe(502);
    expect(seen(dropping, "GET")).toBe(2);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("R6: repetitions have a budget, so that an application that dies is not hit twice as hard", async () => {
    const dropping = await startDropping();
    const { proxy, client } = await stand([dropping]);
    for (let request = 0; request < 100; request += 1) {
      client.send(get());
      expect(await client.status()).toBe(502);
    }
    const attempts = seen(dropping, "GET");
    expect(attempts).toBeGreaterThanOrEqual(120);
    expect(attempts).toBeLessThanOrEqual(132);
    expect(await proxy.ledger()).toEqual({ failed: 100 });
  });

  it("R7: nothing is repeated for a client that has gone", async () => {
    const upstream = await ScriptedUpstream.start();
    const { proxy, client } = await stand([upstream]);
    client.send(get());
    const peer = await upstream.peer(1);
    await peer.head();
    client.rst();
    await peer.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(upstream.peers).toHaveLength(1);
  });

  it("R7: a target that dies while its client has gone is not replaced", async () => {
    const upstream = await ScriptedUpstream.start(answering(() => upstream, OK));
    const { proxy, client } = await stand([upstream]);
    client.send(get());
    expect(await client.status()).toBe(200);
    client.rst();
    expect(await proxy.ledger()).toEqual({ served: 1 });
    expect(upstream.peers).toHaveLength(1);
  });
});

describe("cut at the drain limit", () => {
  it("before the answer: 503; within it: evidently not whole; a tunnel is no loss", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      const { startLine } = await peer.request();
      if (startLine.includes("/half")) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
      if (startLine.includes("/ws"))
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    });
    const proxy = await WireProxy.start([upstream.port]);
    const [silent, half, tunnel] = [await connectRaw(proxy.port), await connectRaw(proxy.port), await connectRaw(proxy.port)];
    silent.send(post());
    half.send(get("/half"));
    tunnel.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await half.until("the start of the answer", () => (half.text.endsWith("hello") ? true : null));
    await tunnel.answer();
    await upstream.peer(3);
    for (const peer of upstream.peers) await peer.until("a request", () => (peer.received === "" ? null : true));
    const drained = proxy.drain([upstream.port]);
    proxy.cut([upstream.port]);
    await drained;
    expect(await silent.status()).toBe(503);
    await half.gone();
    expect(half.reset).toBe(true);
    await tunnel.gone();
    expect(tunnel.reset).toBe(false);
    expect(await proxy.ledger()).toEqual({ cut: 2, served: 1 });
  });
});
