import { describe, expect, it } from "vitest";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { turn } from "../../../support/wire/vectors.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (path: string, lines = ""): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const EXPECT = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const UPGRADE = get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";

/** Answers every request with its own path. */
const echo = (): Promise<ScriptedUpstream> =>
  startAnswering(({ startLine }) => {
    const path = startLine.split(" ")[1]!;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
  });

describe("I: client connections", () => {
  it("I1: after Connection: close nothing that follows is processed", async () => {
    const upstream = await echo();
    const proxy = await WireProxy.start([upstream.port]);
    for (const value of ["close", "CLOSE", "foo, Close"]) {
      const client = await connectRaw(proxy.port);
      client.send(get("/1", `Connection: ${value}\r\n`) + get("/2"));
      expect((await client.answer()).raw).toContain("\r\nConnection: close\r\n");
      await client.gone();
      expect(client.text).toBe("");
      expect(client.reset).toBe(false);
    }
    expect(upstream.requests).toHaveLength(3);
    expect(await proxy.ledger()).toEqual({ served: 3 });
  });

  it("B16, I3: pipelined requests are answered in order, one at a time, however long the first takes", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      for (let request = 0; ; request += 1) {
        const { startLine } = await peer.request();
        if (request === 0) for (let turns = 0; turns < 20; turns += 1) await turn();
        expect(peer.text).toBe("");
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${startLine.slice(4, 6)}`);
      }
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(get("/1") + get("/2") + get("/3").slice(0, 20));
    expect((await client.answer()).body).toBe("/1");
    expect((await client.answer()).body).toBe("/2");
    await turn();
    expect(upstream.received).not.toContain("/3");
    client.send(get("/3").slice(20));
    expect((await client.answer()).body).toBe("/3");
    expect(await proxy.ledger()).toEqual({ served: 3 });
  });

  it("I4: a client that closes its side after its requests gets every answer", async () => {
    const upstream = await echo();
    const proxy = await WireProxy.start([upstream.port]);
    for (const requests of [
      [get("/1")],
      [get("/1"), get("/2"), get("/3")],
      ["POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"],
    ]) {
      const client = await connectRaw(proxy.port);
      client.send(requests.join(""));
      client.fin();
      for (const [index] of requests.entries()) expect((await client.answer()).body).toBe(`/${index + 1}`);
      await client.gone();
      expect(client.reset).toBe(false);
    }
    expect(await proxy.ledger()).toEqual({ served: 5 });
  });

  it("I4: a body that waits for the application's connection is not lost by the FIN behind it", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { limits: { upstreamFreshMs: -1 } });
    for (let round = 0; round < 20; round += 1) {
      const client = await connectRaw(proxy.port);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
      client.fin();
      expect(await client.status()).toBe(200);
    }
    expect(upstream.requests.map(({ body }) => body)).toEqual(Array<string>(20).fill("hi"));
    expect(await proxy.ledger()).toEqual({ served: 20 });
  });

  it("I4: a half of a request and a FIN is a client that has gone", async () => {
    const upstream = await echo();
    const proxy = await WireProxy.start([upstream.port]);
    for (const text of [
      "GET / HT",
      get("/1") + get("/2").slice(0, 9),
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi",
      `${get("/1")}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi`,
    ]) {
      const client = await connectRaw(proxy.port);
      client.send(text);
      client.fin();
      if (text.startsWith("GET /1")) expect((await client.answer()).body).toBe("/1");
      await client.gone();
      expect(client.text).toBe("");
    }
    expect(upstream.requests).toHaveLength(2);
    expect(await proxy.ledger()).toEqual({ served: 2, clientGone: 4 });
  });

  it("I5: a FIN between requests is answered with a FIN", async () => {
    const upstream = await echo();
    const proxy = await WireProxy.start([upstream.port]);
    const [fresh, used] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    used.send(get("/1"));
    await used.answer();
    for (const client of [fresh, used]) {
      client.fin();
      await client.gone();
      expect(client.reset).toBe(false);
    }
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("I6: an idle connection ends with a FIN", async () => {
    const upstream = await echo();
    const proxy = await WireProxy.start([upstream.port], { limits: { clientKeepAliveMs: 50 } });
    const client = await connectRaw(proxy.port);
    client.send(get("/1"));
    await client.answer();
    await client.gone();
    expect([client.reset, client.text]).toEqual([false, ""]);
  });

  it("I10, I11: a worker that finishes ends each connection after its answer, and says so", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      await upstream.peer(2);
      peer.send(OK);
    });
    const proxy = await WireProxy.start([upstream.port]);
    const [busy, idle] = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    busy.send(get("/1"));
    await upstream.peer(1);
    proxy.worker.shutdown(10_000, "end");
    idle.send(get("/2"));
    for (const client of [busy, idle]) {
      expect((await client.answer()).raw).toContain("\r\nConnection: close\r\n");
      await client.gone();
      expect(client.reset).toBe(false);
    }
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("I9, D20: an early answer and a refusal reach a client that is still sending 4 MiB", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    });
    const proxy = await WireProxy.start([upstream.port]);
    const body = Buffer.alloc(4 * 1024 * 1024, "x");
    const heads = [
      "Content-Length: 4194304\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\nbroken\r\n",
      "Content-Length: -1\r\n\r\n",
    ];
    for (const [index, head] of heads.entries()) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => connectRaw(proxy.port)));
      const statuses = await Promise.all(
        clients.map(async (client) => {
          client.socket.pause();
          client.send(`POST / HTTP/1.1\r\nHost: a\r\n${head}`);
          // Reads nothing before everything is written, as simple clients do.
          await new Promise<void>((resolve) =>
            client.socket.write(body, () => {
              resolve();
            }),
          );
          client.socket.resume();
          return client.status();
        }),
      );
      expect(statuses).toEqual(Array<number>(20).fill(index === 0 ? 413 : 400));
      for (const client of clients) client.socket.destroy();
    }
    expect(await proxy.ledger()).toEqual({ served: 20, refused: 40 });
  });
});

describe("H: Expect: 100-continue", () => {
  it("H2: the body is not asked for before the application asks", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      expect(await peer.head()).toContain("\r\nExpect: 100-continue\r\n");
      peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      expect((await peer.request()).body).toBe("hello");
      peer.send(OK);
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(EXPECT);
    expect((await client.answer()).raw).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("H2: a client that does not wait", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(`${EXPECT}hello${get("/2")}`);
    expect([await client.status(), await client.status()]).toEqual([200, 200]);
    expect(upstream.requests.map(({ body }) => body)).toEqual(["hello", ""]);
  });

  it("H4: a final status before 100: it is passed on and the connection ends", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(EXPECT);
    expect((await client.answer()).raw).toContain("\r\nConnection: close\r\n");
    await client.gone();
    await upstream.peers[0]!.gone();
    expect(upstream.received).not.toContain("hello");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});

describe("H: upgrades", () => {
  it("H5, H6, H14: bytes go both ways as they are, also those that came together with a head", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      const request = await peer.request();
      expect(request.raw).toContain("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
      // What the client sent too early has not come along.
      expect(peer.text).toBe("");
      peer.send(`${SWITCHED}HTTP/1.1 200 OK\r\n\r\n\x00\xff`);
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(`${UPGRADE}GET /early HTTP/1.1\r\n\r\n\x81`);
    expect((await client.answer()).startLine).toBe("HTTP/1.1 101 Switching Protocols");
    const peer = upstream.peers[0]!;
    await client.until("the application's bytes", () => (client.text === "HTTP/1.1 200 OK\r\n\r\n\x00\xff" ? true : null));
    await peer.until("the early bytes", () => (peer.text === "GET /early HTTP/1.1\r\n\r\n\x81" ? true : null));
    for (const [from, to] of [
      [client, peer],
      [peer, client],
    ] as const) {
      to.text = "";
      const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
      from.send(bytes);
      await to.until("every byte", () => (to.text.length === bytes.length ? true : null));
      expect(to.text === bytes.toString("latin1")).toBe(true);
    }
    client.fin();
    await peer.gone();
    peer.fin();
    await client.gone();
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("H6, H7: refused, what came early is the next request", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(UPGRADE + get("/next"));
    expect([await client.status(), await client.status()]).toEqual([200, 200]);
    expect(upstream.requests[1]!.startLine).toBe("GET /next HTTP/1.1");
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it.each(["client", "application"])("H11: when the %s ends its side the other may still send", async (first) => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send(SWITCHED);
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(UPGRADE);
    await client.answer();
    const peer = upstream.peers[0]!;
    const [early, late] = first === "client" ? [client, peer] : [peer, client];
    early.fin();
    await late.gone();
    late.send("still here");
    await early.until("the last words", () => (early.text === "still here" ? true : null));
    late.fin();
    await early.gone();
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("H11: an idle tunnel ends", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send(SWITCHED);
    });
    const proxy = await WireProxy.start([upstream.port], { limits: { tunnelIdleMs: 50 } });
    const client = await connectRaw(proxy.port);
    client.send(UPGRADE);
    await client.answer();
    await client.gone();
    await upstream.peers[0]!.gone();
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});
