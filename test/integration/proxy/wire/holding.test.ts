import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { refusingPort } from "../../../support/wire/refusing-port.ts";
import { answering, ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";
import { until } from "../../../support/temp.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = (path = "/"): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (length: number, body = "x".repeat(length)): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${String(length)}\r\n\r\n${body}`;

/** A proxy whose app has no instance at the moment. */
function without(proxy: WireProxyOptions["proxy"] = {}, more: WireProxyOptions = {}): Promise<WireProxy> {
  return WireProxy.start([], { ...more, proxy: { holdMs: 60_000, ...proxy } });
}

/** So many clients with a request each, which wait in this order. */
async function waiting(
  proxy: WireProxy,
  count: number,
  request = (index: number) => get(`/${String(index)}`),
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index += 1) {
    const client = await connectRaw(proxy.port);
    client.send(request(index));
    clients.push(client);
    await until(() => proxy.held === index + 1, { what: `${String(index + 1)} wait` });
  }
  return clients;
}

async function http2(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${String(port)}`);
  session.on("error", () => undefined);
  onTestFinished(() => {
    session.destroy();
  });
  await once(session, "connect");
  return session;
}

describe("requests that wait", () => {
  it("are served in the order they came", async () => {
    const live = await startAnswering();
    const proxy = await without();
    const clients = await waiting(proxy, 8);
    proxy.route([live.port]);
    for (const client of clients) expect(await client.status()).toBe(200);
    expect(live.requests.map(({ startLine }) => startLine.split(" ")[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => `/${n}`));
    expect(await proxy.ledger()).toEqual({ servedAfterHold: 8 });
  });

  it("keep their turn when a target took them and refused", async () => {
    const gone = await refusingPort();
    const live = await startAnswering();
    const proxy = await without({}, { limits: { tickMs: 100_000 } });
    const clients = await waiting(proxy, 4);
    proxy.route([gone]);
    await until(() => proxy.held === 4, { what: "all wait again" });
    const last = await connectRaw(proxy.port);
    last.send(get("/4"));
    await until(() => proxy.held === 5, { what: "another waits" });
    proxy.route([live.port]);
    for (const client of [...clients, last]) expect(await client.status()).toBe(200);
    expect(live.requests.map(({ startLine }) => startLine.split(" ")[1]).sort()).toEqual(["/0", "/1", "/2", "/3", "/4"]);
    expect(live.requests[4]?.startLine).toContain("/4");
  });

  it("over the number that may: 503 with Retry-After at once; those before it go on waiting", async () => {
    const live = await startAnswering();
    const proxy = await without({ holdRequests: 2 });
    const clients = await waiting(proxy, 2);
    const third = await connectRaw(proxy.port);
    third.send(get());
    const answer = await third.answer();
    expect(answer.startLine).toContain("503");
    expect(answer.raw).toMatch(/\r\nRetry-After: \d+\r\n/);
    proxy.route([live.port]);
    for (const client of clients) expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ servedAfterHold: 2, failed: 1 });
  });

  it("over the bytes that may: whose body made it too much gets 503, and what it had is forgotten", async () => {
    const live = await startAnswering();
    const proxy = await without({ holdBytes: 65_536 });
    const first = await connectRaw(proxy.port);
    first.send(post(30_000));
    await until(() => proxy.held === 1, { what: "the first waits" });
    const second = await connectRaw(proxy.port);
    second.send(post(60_000));
    expect(await second.status()).toBe(503);
    const third = await connectRaw(proxy.port);
    third.send(post(20_000));
    await until(() => proxy.held === 2, { what: "there is room for a smaller one" });
    proxy.route([live.port]);
    expect(await first.status()).toBe(200);
    expect(await third.status()).toBe(200);
    expect(live.requests.map(({ body }) => body.length)).toEqual([30_000, 20_000]);
  });

  it("a full line of one app is no other app's business: what can be served is served", async () => {
    const live = await startAnswering();
    const proxy = await without({ holdRequests: 1 });
    await waiting(proxy, 1);
    const pools = [{ release: "r1", weight: 1, targets: [{ instance: "o", host: "127.0.0.1", port: live.port, health: null }] }];
    const claim = { hosts: ["other.example"], paths: [], headers: [], cookies: [] };
    proxy.serveAnother("other", { pools, routing: { claim } });
    const client = await connectRaw(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    expect(await client.status()).toBe(200);
  });

  it("are let go a few at a time: one that has been answered makes room for the next, and new ones come after them", async () => {
    const live: ScriptedUpstream = await ScriptedUpstream.start(
      answering(
        () => live,
        () => "",
      ),
    );
    const proxy = await without({}, { limits: { tickMs: 100_000 } });
    const clients = await waiting(proxy, 40);
    proxy.route([live.port]);
    await until(() => live.requests.length === 32, { what: "32 are under way" });
    expect(proxy.held).toBe(8);
    const late = await connectRaw(proxy.port);
    late.send(get("/late"));
    await until(() => proxy.held === 9, { what: "the new one waits behind them" });
    live.peers[0]?.send(OK);
    await until(() => live.requests.length === 33, { what: "the next one goes" });
    expect(proxy.held).toBe(8);
    // From here on everything is answered at once: the line runs empty by itself.
    for (const peer of live.peers.slice(1)) peer.send(OK);
    const answered = new Set<unknown>();
    await until(
      () => {
        for (const peer of live.peers) {
          const asked = peer.received.split("\r\n\r\n").length - 1;
          const key = `${String(peer.socket.remotePort)}/${String(asked)}`;
          if (asked > 1 && !answered.has(key)) {
            answered.add(key);
            peer.send(OK);
          }
        }
        return clients.every((client) => client.received.includes("200")) && late.received.includes("200");
      },
      { what: "all have been answered", within: 20_000 },
    );
    expect(live.requests.at(-1)?.startLine).toContain("/late");
  });

  it("whose answers take long do not keep the others: the next few go with each tick", async () => {
    const live: ScriptedUpstream = await ScriptedUpstream.start(
      answering(
        () => live,
        () => "",
      ),
    );
    const proxy = await without();
    await waiting(proxy, 70);
    proxy.route([live.port]);
    await until(() => live.requests.length === 70, { what: "all are under way" });
  });

  it("that a table comes while they wait does not end their wait", async () => {
    const proxy = await without();
    const [client] = await waiting(proxy, 1);
    proxy.route([]);
    proxy.route([]);
    expect(proxy.held).toBe(1);
    expect(client?.received).toBe("");
  });
});

describe("clients that leave while they wait", () => {
  it.each([
    [
      "with FIN",
      (client: RawClient) => {
        client.fin();
      },
      get(),
    ],
    [
      "with RST",
      (client: RawClient) => {
        client.rst();
      },
      get(),
    ],
    [
      "with FIN, in a body",
      (client: RawClient) => {
        client.fin();
      },
      post(100, "half"),
    ],
    [
      "with RST, in a body",
      (client: RawClient) => {
        client.rst();
      },
      post(100, "half"),
    ],
  ])("%s: dropped, counted, and nothing of them reaches an instance", async (_, leave, request) => {
    const live = await startAnswering();
    const proxy = await without();
    const [client] = await waiting(proxy, 1, () => request);
    leave(client!);
    await until(() => proxy.held === 0, { what: "it waits no more" });
    proxy.route([live.port]);
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(live.received).toBe("");
  });

  it("with RST after more of a body than is read: nothing of it is sent when its turn comes", async () => {
    const live = await startAnswering();
    const proxy = await without();
    const [client] = await waiting(proxy, 1, () => post(3_000_000));
    await until(() => client!.socket.writableLength > 0 || client!.socket.bytesWritten > 200_000, {
      what: "it is read no further",
    });
    client!.rst();
    await until(() => client!.closed, { what: "it is gone" });
    proxy.route([live.port]);
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(live.received).toBe("");
  });

  it.each([
    [
      "a stream that is reset",
      (_: ClientHttp2Session, end: () => void) => {
        end();
      },
      false,
    ],
    [
      "a stream with a body that is reset",
      (_: ClientHttp2Session, end: () => void) => {
        end();
      },
      true,
    ],
    [
      "a connection that is closed",
      (session: ClientHttp2Session) => {
        session.destroy();
      },
      false,
    ],
    [
      "a connection that is closed in a body",
      (session: ClientHttp2Session) => {
        session.destroy();
      },
      true,
    ],
  ])("over HTTP/2, %s: dropped and counted", async (_, leave, body) => {
    const live = await startAnswering();
    const proxy = await without({ http2Cleartext: true });
    const session = await http2(proxy.port);
    const stream = session.request({ ":method": body ? "POST" : "GET", ":path": "/" }, { endStream: !body });
    stream.on("error", () => undefined);
    if (body) stream.write("x".repeat(1_000));
    await until(() => proxy.held === 1, { what: "it waits" });
    leave(session, () => {
      stream.close(8);
    });
    await until(() => proxy.held === 0, { what: "it waits no more" });
    proxy.route([live.port]);
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(live.received).toBe("");
  });

  it("over HTTP/2 a body that is too much gets its request 503", async () => {
    const proxy = await without({ http2Cleartext: true, holdBytes: 65_536 });
    const session = await http2(proxy.port);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => undefined);
    stream.write("x".repeat(100_000));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(503);
    expect(headers["retry-after"]).toBeDefined();
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });
});

describe("pages for the proxy's own errors", () => {
  const pages = {
    502: { type: "text/html; charset=utf-8", body: "<h1>Schade é</h1>" },
    503: { type: "text/html; charset=utf-8", body: "<h1>Später ☂</h1>" },
  };
  const table = { errorPages: pages };

  it("are sent with status, type, length in bytes and no-store; to HEAD without the body", async () => {
    const proxy = await without({ holdMs: 0 }, { table });
    const client = await connectRaw(proxy.port);
    client.send(get());
    const answer = await client.answer();
    const body = Buffer.from(pages[503].body).toString("latin1");
    expect(answer.startLine).toBe("HTTP/1.1 503 Service Unavailable");
    expect(answer.body).toBe(body);
    for (const field of [
      "Content-Type: text/html; charset=utf-8",
      `Content-Length: ${body.length}`,
      "Cache-Control: no-store",
      "Retry-After: 1",
    ])
      expect(answer.raw).toContain(`\r\n${field}\r\n`);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const head = await client.answer("HEAD");
    expect(head.raw).toContain(`\r\nContent-Length: ${body.length}\r\n`);
    expect(head.body).toBe("");
  });

  it("over HTTP/2 too", async () => {
    const proxy = await without({ holdMs: 0, http2Cleartext: true }, { table });
    const session = await http2(proxy.port);
    for (const method of ["GET", "HEAD"]) {
      const stream = session.request({ ":method": method, ":path": "/" });
      let text = "";
      stream.setEncoding("utf8").on("data", (data: string) => (text += data));
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      await once(stream, "close");
      expect(headers).toMatchObject({
        ":status": 503,
        "content-type": "text/html; charset=utf-8",
        "content-length": String(Buffer.byteLength(pages[503].body)),
        "cache-control": "no-store",
      });
      expect(text).toBe(method === "HEAD" ? "" : pages[503].body);
    }
  });

  it("never replace what the application says itself; a status without a page has its line of text", async () => {
    const live = await startAnswering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nown");
    const proxy = await WireProxy.start([live.port], { table, proxy: { firstByteTimeoutMs: 500 } });
    const client = await connectRaw(proxy.port);
    client.send(get());
    expect((await client.answer()).body).toBe("own");
    const dropping = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.socket.destroy();
    });
    proxy.route([dropping.port]);
    client.send(post(5));
    expect((await client.answer()).body).toBe(Buffer.from(pages[502].body).toString("latin1"));
    const silent = await ScriptedUpstream.start();
    proxy.route([silent.port]);
    client.send(get());
    const late = await client.answer();
    expect(late.startLine).toContain("504");
    expect(late.body).toBe("504 Gateway Timeout: the application did not answer in time\n");
  });
});
