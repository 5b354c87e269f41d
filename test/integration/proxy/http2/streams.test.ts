import { describe, expect, it } from "vitest";
import { answerOf, ask, connectHttp2, open } from "../../../support/http2/client.ts";
import { CODE } from "../../../support/http2/frames.ts";
import { get, RawHttp2Client, request } from "../../../support/http2/raw-client.ts";
import { until } from "../../../support/temp.ts";
import { ScriptedUpstream, startAnswering, type Peer } from "../../../support/wire/scripted-upstream.ts";
import { refusingPort } from "../../../support/wire/refusing-port.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const H2: WireProxyOptions = { proxy: { http2Cleartext: true } };
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const MIB = 1024 * 1024;
const INITIAL_WINDOW = 65_535;
/** The first of the two GOAWAYs: no stream is turned away yet (RFC 9113 section 6.8). */
const ANNOUNCED = { code: CODE.none, last: 2 ** 31 - 1 };

/** An application that answers `/good` at once, `/endless` without end, as fast as it is read, and anything else never. */
async function stand(options: WireProxyOptions = H2): Promise<{ proxy: WireProxy; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.start(async (peer) => {
    for (;;) {
      const { startLine } = await peer.request();
      if (startLine.includes("/good")) peer.send(OK);
      if (startLine.includes("/endless")) pour(peer);
    }
  });
  return { upstream, proxy: await WireProxy.start([upstream.port], options) };
}

function pour({ socket }: Peer): void {
  const piece = Buffer.alloc(65_536, "x");
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  socket.on("drain", more);
  more();
}

/** The connection to the application on which this was asked. */
async function peerOf(upstream: ScriptedUpstream, path: string): Promise<Peer> {
  return until(() => upstream.peers.find(({ received }) => received.includes(path)), { what: `${path} reaches the application` });
}

describe("L22: concurrent streams", () => {
  it("100 are offered; what was sent beyond that before the client knew is REFUSED_STREAM; a place that is free again is taken", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port, { acknowledges: false });
    await client.until("SETTINGS", () => (client.settings.size > 0 ? true : null));
    expect(client.settings.get(3)).toBe(100);
    const streams = Array.from({ length: 100 }, (_, index) => client.open(get(`/wait/${index}`)));
    await until(() => upstream.peers.length === 100, { what: "100 requests at the application" });
    expect(await client.over(client.open(get("/over")))).toMatchObject({ status: null, reset: CODE.refused });
    client.reset(streams[0]!, CODE.cancel);
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    expect(upstream.received).not.toContain("/over");
    for (const stream of streams) client.reset(stream, CODE.cancel);
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 100 });
  });

  it("a client that knows and sends more all the same loses its connection, and nothing of it goes on", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    await client.settled();
    for (let index = 0; index < 100; index += 1) client.open(get(`/wait/${index}`));
    client.open(get("/over"));
    await client.until("GOAWAY", () => (client.goaways.length > 0 ? true : null));
    expect(client.goaways[0]!.code).toBe(CODE.protocol);
    await client.wire.gone();
    expect(upstream.received).not.toContain("/over");
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 100 });
  });
});

describe("L19: flow control", () => {
  it("what waits for the client's window is not written over by what the instance sends meanwhile", async () => {
    const body = Array.from({ length: 400_000 }, (_, line) => `${String(line).padStart(6, "0")}\n`).join("");
    const server = await startAnswering(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    const proxy = await WireProxy.start([server.port], H2);
    const answer = await ask(await connectHttp2(proxy.port));
    expect(answer.body.length).toBe(body.length);
    expect(answer.body === body, "byte for byte").toBe(true);
  });

  it("streams that nobody reads hold up neither others nor memory", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    const before = process.memoryUsage.rss();
    const slow = Array.from({ length: 20 }, (_, index) => client.open(get(`/endless/${index}`)));
    await client.until("all of them are full", () =>
      slow.every((number) => client.stream(number).body.length === INITIAL_WINDOW) ? true : null,
    );
    const written = async (): Promise<number> => {
      for (let last = -1, now = 0; last !== now;) {
        last = now;
        await client.settled();
        await new Promise((resolve) => setTimeout(resolve, 50));
        now = upstream.peers.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0);
      }
      return upstream.peers.reduce((sum, { socket }) => sum + socket.bytesWritten - socket.writableLength, 0);
    };
    const taken = await written();
    expect(process.memoryUsage.rss() - before, "per stream a few buffers").toBeLessThan(128 * MIB);
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200, body: "ok" });
    client.openWindow(slow[0]!, MIB);
    await client.until("the one that is read goes on", () =>
      client.stream(slow[0]!).body.length === INITIAL_WINDOW + MIB ? true : null,
    );
    expect(slow.slice(1).every((number) => client.stream(number).body.length === INITIAL_WINDOW)).toBe(true);
    // Kernel buffers on the way to each included, the application was never ahead by more than a few MiB.
    expect(taken / slow.length).toBeLessThan(16 * MIB);
    client.wire.socket.destroy();
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 20 });
  });

  it("D18: a large upload at the pace of an application that reads slowly arrives whole", async () => {
    let bytes = 0;
    let tail = "";
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.socket.removeAllListeners("data");
      peer.socket.on("data", (data: Buffer) => {
        bytes += data.length;
        peer.socket.pause();
        setImmediate(() => peer.socket.resume());
        tail = (tail + data.toString("latin1", Math.max(0, data.length - 7))).slice(-7);
        if (tail === "the end") peer.send(OK);
      });
    });
    const proxy = await WireProxy.start([upstream.port], H2);
    const before = process.memoryUsage.rss();
    const size = 32 * MIB;
    const stream = open(await connectHttp2(proxy.port), { ":method": "POST", "content-length": String(size) });
    const answer = answerOf(stream);
    const piece = Buffer.alloc(MIB, "x");
    for (let sent = 0; sent < size; sent += MIB) {
      if (sent + MIB === size) piece.write("the end", MIB - 7);
      if (!stream.write(Buffer.from(piece))) await new Promise((resolve) => stream.once("drain", resolve));
    }
    stream.end();
    expect(await answer).toMatchObject({ status: 200, code: 0 });
    expect(bytes).toBeGreaterThanOrEqual(size - INITIAL_WINDOW);
    expect(process.memoryUsage.rss() - before).toBeLessThan(160 * MIB);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("a slow reader that stops altogether is ended, and counts as gone", async () => {
    const { proxy, upstream } = await stand({ ...H2, limits: { writeStallMs: 100 } });
    const client = await RawHttp2Client.connect(proxy.port);
    const slow = client.open(get("/endless"));
    expect(await client.over(slow)).toMatchObject({ status: 200, ended: false, reset: CODE.internal });
    await (await peerOf(upstream, "/endless")).gone();
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 1 });
  });
});

describe("L20: a client that goes", () => {
  it("RST_STREAM in the middle of an answer ends the request to the application; other streams live", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(get("/endless"));
    await client.until("the answer flows", () => (client.stream(stream).body === "" ? null : true));
    client.reset(stream, CODE.cancel);
    await (await peerOf(upstream, "/endless")).gone();
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 1 });
  });

  it("R7: before the answer: not repeated", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(get("/wait"));
    const peer = await peerOf(upstream, "/wait");
    client.reset(stream, CODE.cancel);
    await peer.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(upstream.peers).toHaveLength(1);
  });

  it("D17: in the middle of its body: the application never sees a whole request", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    for (const fields of [request("POST"), request("POST", "/", [["content-length", "10"]])]) {
      const stream = client.open(fields, { end: false });
      client.data(stream, "hello", { end: false });
      const peer = await upstream.peer(upstream.peers.length + 1);
      await peer.until("the body's beginning", () => (peer.received.includes("hello") ? true : null));
      client.reset(stream, CODE.cancel);
      await peer.gone();
      expect(peer.received).not.toContain("\r\n0\r\n\r\n");
    }
    expect(await proxy.ledger()).toEqual({ clientGone: 2 });
  });

  it.each(["wait", "endless"])("the whole connection goes: every request of it ends (%s)", async (path) => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    const streams = Array.from({ length: 10 }, (_, index) => client.open(get(`/${path}/${index}`)));
    for (const index of streams.keys()) await peerOf(upstream, `/${path}/${index}`);
    client.wire.socket.destroy();
    for (const peer of upstream.peers) await peer.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 10 });
  });

  it("an answer that is whole but not read is no served one when the connection goes", async () => {
    const upstream = await startAnswering(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`);
    const proxy = await WireProxy.start([upstream.port], H2);
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(get());
    await client.until("the window is full", () => (client.stream(stream).body.length === INITIAL_WINDOW ? true : null));
    await until(() => upstream.requests.length === 1, { what: "the application has answered" });
    client.wire.socket.destroy();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });

  it("in the middle of a hold: it waits no longer", async () => {
    const proxy = await WireProxy.start([], { proxy: { http2Cleartext: true, holdMs: 60_000 } });
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(get());
    await until(() => proxy.held === 1, { what: "it is held" });
    client.reset(stream, CODE.cancel);
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
    expect(proxy.held).toBe(0);
  });

  it("K8: rapid reset (CVE-2023-44487) is bounded: the connection ends, others do not notice, every request is counted once", async () => {
    const { proxy, upstream } = await stand();
    const other = await RawHttp2Client.connect(proxy.port);
    const flood = await RawHttp2Client.connect(proxy.port);
    let sent = 0;
    while (flood.goaways.length === 0 && !flood.wire.closed && sent < 20_000) {
      for (let burst = 0; burst < 100; burst += 1, sent += 1) flood.reset(flood.open(get("/flood")), CODE.cancel);
      await Promise.race([flood.settled().catch(() => undefined), flood.wire.gone().catch(() => undefined)]);
      expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
    }
    expect(sent).toBeLessThan(5_000);
    await flood.wire.gone();
    const { served = 0, clientGone = 0, ...others } = await proxy.ledger();
    expect(others).toEqual({});
    expect(served).toBeGreaterThan(0);
    expect(clientGone).toBeLessThanOrEqual(sent);
    await until(() => upstream.peers.filter(({ ended, closed }) => !ended && !closed).length <= 1, {
      what: "nothing is left open to the application",
    });
  });
});

describe("drain, hold and cut", () => {
  it("a drain is acknowledged when the streams to that instance have ended", async () => {
    const old = await stand();
    const next = await startAnswering();
    const client = await RawHttp2Client.connect(old.proxy.port);
    const stream = client.open(get("/wait"));
    const peer = await peerOf(old.upstream, "/wait");
    old.proxy.route([next.port]);
    let drained = false;
    const drain = old.proxy.drain([old.upstream.port]).then(() => (drained = true));
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    expect([drained, next.requests.length]).toEqual([false, 1]);
    peer.send(OK);
    expect(await client.over(stream)).toMatchObject({ status: 200, body: "ok" });
    await drain;
    expect(await old.proxy.ledger()).toEqual({ served: 2 });
  });

  it("at the limit: before the answer 503, within it RST_STREAM", async () => {
    const { proxy, upstream } = await stand();
    const client = await RawHttp2Client.connect(proxy.port);
    const [silent, half] = [client.open(get("/wait")), client.open(get("/endless"))];
    await client.until("the answer flows", () => (client.stream(half).body === "" ? null : true));
    await peerOf(upstream, "/wait");
    const drained = proxy.drain([upstream.port]);
    proxy.cut([upstream.port]);
    await drained;
    expect(await client.over(silent)).toMatchObject({ status: 503, ended: true });
    expect(await client.over(half)).toMatchObject({ status: 200, ended: false, reset: CODE.internal });
    expect(await proxy.ledger()).toEqual({ cut: 2 });
  });

  it("R0: a target that refuses: another one, with the body; none at all: held until one comes", async () => {
    const closed = await refusingPort();
    const live = await startAnswering();
    const proxy = await WireProxy.start([closed, live.port], { proxy: { http2Cleartext: true, holdMs: 60_000 } });
    const session = await connectHttp2(proxy.port);
    expect(await ask(session, { ":method": "POST" }, "hello")).toMatchObject({ status: 200 });
    proxy.route([closed]);
    const held = ask(session, { ":method": "POST" }, "again");
    await until(() => proxy.held === 1, { what: "it is held" });
    proxy.route([live.port]);
    expect(await held).toMatchObject({ status: 200 });
    expect(live.requests.map(({ body }) => body)).toEqual(["hello", "again"]);
    expect(await proxy.ledger()).toEqual({ servedAfterRetry: 1, servedAfterHold: 1 });
  });
});

describe("L21, I10: the end of a worker", () => {
  it("a connection that is quiet gets GOAWAY; one with a request when that has ended; requests are served until then", async () => {
    const { proxy, upstream } = await stand({ ...H2, limits: { http2QuietMs: 200 } });
    const [idle, busy] = [await RawHttp2Client.connect(proxy.port), await RawHttp2Client.connect(proxy.port)];
    expect(await idle.over(idle.open(get("/good")))).toMatchObject({ status: 200 });
    const stream = busy.open(get("/wait"));
    const peer = await peerOf(upstream, "/wait");
    proxy.worker.shutdown(60_000, "end");
    const late = busy.open(get("/good"));
    expect(await busy.over(late)).toMatchObject({ status: 200, body: "ok" });
    await idle.wire.gone();
    await idle.until("what was sent is read", () => (idle.goaways.length > 0 ? true : null));
    expect(idle.goaways).toEqual([ANNOUNCED, { code: CODE.none, last: 1 }]);
    expect([busy.goaways, busy.wire.ended]).toEqual([[], false]);
    peer.send(OK);
    expect(await busy.over(stream)).toMatchObject({ status: 200, body: "ok" });
    await busy.until("GOAWAY", () => (busy.goaways.length > 0 ? true : null));
    await busy.wire.gone();
    await busy.until("what was sent is read", () => (busy.goaways.length > 1 ? true : null));
    expect(busy.goaways).toEqual([ANNOUNCED, { code: CODE.none, last: late }]);
    expect(await proxy.ledger()).toEqual({ served: 3 });
  });

  it("one that is never quiet gets it all the same: what was begun is answered, what came too late has done nothing", async () => {
    const { proxy, upstream } = await stand({ ...H2, limits: { http2BusyMs: 100 } });
    const session = await connectHttp2(proxy.port);
    let goaway = false;
    session.on("goaway", () => (goaway = true));
    const run = async (loop: number): Promise<{ path: string; status: number | null; code: number }[]> => {
      const seen: { path: string; status: number | null; code: number }[] = [];
      while (!goaway && !session.closed) {
        const path = `/good/${loop}.${seen.length}`;
        const { status, code } = await ask(session, { ":path": path });
        seen.push({ path, status, code });
      }
      return seen;
    };
    const runs = Array.from({ length: 10 }, (_, loop) => run(loop));
    await until(() => upstream.received.length > 10_000, { what: "load" });
    proxy.worker.shutdown(60_000, "end");
    const all = (await Promise.all(runs)).flat();
    const late = all.filter(({ status }) => status !== 200);
    expect(late.filter(({ code }) => code !== CODE.refused)).toEqual([]);
    expect(late.filter(({ path }) => upstream.received.includes(`${path} `))).toEqual([]);
    expect(await proxy.ledger()).toEqual({ served: all.length - late.length });
  });
});
