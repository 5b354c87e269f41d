import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODE, END_HEADERS, END_STREAM, FRAME, PREFACE, fieldBlock, frame, uint32 } from "../../../support/http2/frames.ts";
import { get, RawHttp2Client, request } from "../../../support/http2/raw-client.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { startAnswering, type ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const H2: WireProxyOptions = { proxy: { http2Cleartext: true } };
const FLOW_CONTROL = 3;
const FRAME_SIZE = 6;
const COMPRESSION = 9;
const PADDED = 8;
const PRIORITY = 2;
const PUSH = 5;
const BLOCK = fieldBlock(get());

async function stand(
  options: WireProxyOptions = H2,
): Promise<{ proxy: WireProxy; upstream: ScriptedUpstream; client: RawHttp2Client }> {
  const upstream = await startAnswering();
  const proxy = await WireProxy.start([upstream.port], options);
  return { proxy, upstream, client: await RawHttp2Client.connect(proxy.port) };
}

/** What is sent, by the code that the connection ends with (RFC 9113 sections 4 to 6). */
const FATAL: readonly (readonly [string, number, readonly Buffer[]])[] = [
  ["a frame longer than was offered", FRAME_SIZE, [frame(FRAME.data, 0, 1, Buffer.alloc(16_385))]],
  ["DATA on no stream", CODE.protocol, [frame(FRAME.data, 0, 0, [1])]],
  ["DATA on a stream that was never opened", CODE.protocol, [frame(FRAME.data, 0, 9, [1])]],
  ["HEADERS on no stream", CODE.protocol, [frame(FRAME.headers, END_HEADERS | END_STREAM, 0, BLOCK)]],
  ["HEADERS on a stream of the server's", CODE.protocol, [frame(FRAME.headers, END_HEADERS | END_STREAM, 2, BLOCK)]],
  ["padding longer than its frame", CODE.protocol, [frame(FRAME.headers, PADDED | END_HEADERS | END_STREAM, 1, [255, 1, 2])]],
  [
    "padding of DATA longer than its frame",
    CODE.protocol,
    [frame(FRAME.headers, END_HEADERS, 1, fieldBlock(request("POST"))), frame(FRAME.data, PADDED, 1, [9, 1])],
  ],
  [
    "another frame within a block",
    CODE.protocol,
    [frame(FRAME.headers, END_STREAM, 1, BLOCK), frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
  ],
  [
    "CONTINUATION of another stream",
    CODE.protocol,
    [frame(FRAME.headers, END_STREAM, 1, BLOCK), frame(FRAME.continuation, END_HEADERS, 3, BLOCK)],
  ],
  ["CONTINUATION of nothing", CODE.protocol, [frame(FRAME.continuation, END_HEADERS, 1, BLOCK)]],
  ["a block that is none", COMPRESSION, [frame(FRAME.headers, END_HEADERS | END_STREAM, 1, [0x80])]],
  ["SETTINGS on a stream", CODE.protocol, [frame(FRAME.settings, 0, 1)]],
  ["SETTINGS cut off", FRAME_SIZE, [frame(FRAME.settings, 0, 0, [0, 4, 0])]],
  ["an acknowledgement with something in it", FRAME_SIZE, [frame(FRAME.settings, 1, 0, [0, 4, 0, 0, 0, 1])]],
  ["SETTINGS_ENABLE_PUSH 2", CODE.protocol, [frame(FRAME.settings, 0, 0, [0, 2, 0, 0, 0, 2])]],
  ["a window larger than can be", FLOW_CONTROL, [frame(FRAME.settings, 0, 0, [0, 4, 0x80, 0, 0, 0])]],
  ["SETTINGS_MAX_FRAME_SIZE too small", CODE.protocol, [frame(FRAME.settings, 0, 0, [0, 5, 0, 0, 0, 1])]],
  ["PING cut off", FRAME_SIZE, [frame(FRAME.ping, 0, 0, [1])]],
  ["PING on a stream", CODE.protocol, [frame(FRAME.ping, 0, 1, Buffer.alloc(8))]],
  ["RST_STREAM cut off", FRAME_SIZE, [frame(FRAME.reset, 0, 1, [1])]],
  ["RST_STREAM of a stream that was never opened", CODE.protocol, [frame(FRAME.reset, 0, 1, uint32(8))]],
  ["PRIORITY cut off", FRAME_SIZE, [frame(PRIORITY, 0, 1, [1])]],
  ["PUSH_PROMISE of a client", CODE.protocol, [frame(PUSH, END_HEADERS, 1, [0, 0, 0, 2, ...BLOCK])]],
  ["WINDOW_UPDATE cut off", FRAME_SIZE, [frame(FRAME.windowUpdate, 0, 0, [1])]],
  ["WINDOW_UPDATE of nothing", CODE.protocol, [frame(FRAME.windowUpdate, 0, 0, uint32(0))]],
  ["a connection's window beyond all bounds", FLOW_CONTROL, [frame(FRAME.windowUpdate, 0, 0, uint32(2 ** 31 - 1))]],
  ["WINDOW_UPDATE of a stream that was never opened", CODE.protocol, [frame(FRAME.windowUpdate, 0, 9, uint32(1))]],
  ["GOAWAY cut off", CODE.protocol, [frame(FRAME.goaway, 0, 0, [0])]],
];

describe("mistakes that end the connection, and nothing else", () => {
  it.each(FATAL)("%s", async (_, code, frames) => {
    const { proxy, upstream, client } = await stand();
    const other = await RawHttp2Client.connect(proxy.port);
    client.wire.send(Buffer.concat([...frames]));
    await client.until("GOAWAY", () => (client.goaways.length > 0 ? true : null));
    expect(client.goaways[0]?.code).toBe(code);
    await client.wire.gone();
    expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
    expect(upstream.requests.filter(({ raw }) => raw.startsWith("GET / "))).toEqual([]);
    await proxy.ledger();
  });

  it("a preface that is none", async () => {
    const { proxy } = await stand();
    const wire = await connectRaw(proxy.port);
    wire.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"));
    await wire.gone();
  });

  it("something else than SETTINGS first", async () => {
    const { proxy } = await stand();
    const wire = await connectRaw(proxy.port);
    wire.send(Buffer.concat([PREFACE, frame(FRAME.ping, 0, 0, Buffer.alloc(8))]));
    await wire.gone();
  });
});

describe("mistakes that end one stream", () => {
  it("WINDOW_UPDATE of nothing, and beyond all bounds", async () => {
    const { client } = await stand();
    const [first, second] = [client.open(request("POST"), { end: false }), client.open(request("POST"), { end: false })];
    client.openWindow(first, 0);
    client.openWindow(second, 2 ** 31 - 1);
    expect(await client.over(first)).toMatchObject({ reset: CODE.protocol });
    expect(await client.over(second)).toMatchObject({ reset: FLOW_CONTROL });
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
  });

  it("more DATA than the window allows", async () => {
    const proxy = await WireProxy.start([], { proxy: { http2Cleartext: true, holdMs: 60_000 } });
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(request("POST"), { end: false });
    for (let sent = 0; sent < 300_000; sent += 16_000) client.data(stream, "x".repeat(16_000), { end: false });
    expect(await client.over(stream)).toMatchObject({ reset: FLOW_CONTROL });
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });

  it("B14: fields beyond the limits are a 431, and the next request is understood", async () => {
    const { proxy, client } = await stand();
    const large = fieldBlock([["x-large", "v".repeat(12_000)]]);
    const parts = [frame(FRAME.headers, END_STREAM, 1, BLOCK), frame(FRAME.continuation, 0, 1, large)];
    client.wire.send(Buffer.concat([...parts, ...parts.slice(1), frame(FRAME.continuation, END_HEADERS, 1, large)]));
    client.wire.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 3, BLOCK));
    expect(await client.over(1)).toMatchObject({ status: 431, ended: true });
    expect(await client.over(3)).toMatchObject({ status: 200 });
    expect(await proxy.ledger()).toEqual({ refused: 1, served: 1 });
  });
});

describe("floods end the connection that they come by", () => {
  const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
  const times = (count: number, of: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => of));

  it.each([
    [
      "CONTINUATION without end (CVE-2024-27316)",
      [frame(FRAME.headers, END_STREAM, 1, BLOCK), times(200, frame(FRAME.continuation, 0, 1))],
    ],
    [
      "empty DATA (CVE-2019-9518)",
      [frame(FRAME.headers, END_HEADERS, 1, fieldBlock(request("POST"))), times(2_000, frame(FRAME.data, 0, 1))],
    ],
    ["frames that nobody knows", [times(2_000, frame(99, 0, 0))]],
    [
      "streams that we reset by the client's mistakes (CVE-2025-8671)",
      Array.from({ length: 2_000 }, (_, index) =>
        Buffer.concat([
          frame(FRAME.headers, END_HEADERS | END_STREAM, 2 * index + 1, BLOCK),
          frame(FRAME.windowUpdate, 0, 2 * index + 1, uint32(0)),
        ]),
      ),
    ],
  ])("%s", async (_, frames) => {
    const { proxy, client } = await stand();
    const other = await RawHttp2Client.connect(proxy.port);
    client.wire.send(Buffer.concat(frames));
    await client.until("GOAWAY", () => (client.goaways.length > 0 ? true : null));
    expect(client.goaways[0]?.code).toBe(CODE.calm);
    await client.wire.gone();
    expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
    await proxy.ledger();
  });

  it("PINGs whose answers nobody reads (CVE-2019-9512)", async () => {
    const { proxy } = await stand();
    const wire = await connectRaw(proxy.port);
    wire.socket.pause();
    wire.send(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    for (let sent = 0; sent < 4_000 && !wire.socket.destroyed; sent += 1) {
      if (!wire.socket.write(times(500, ping)))
        await new Promise((resolve) => wire.socket.once("drain", resolve).once("close", resolve).once("error", resolve));
    }
    wire.socket.resume();
    await wire.gone();
    const other = await RawHttp2Client.connect(proxy.port);
    expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
  });

  it("a frame that never ends", async () => {
    const { client } = await stand({ ...H2, limits: { headTimeoutMs: 200 } });
    const stream = client.open(request("POST"), { end: false });
    client.wire.send(Buffer.from([0, 0, 100, FRAME.data, 0, 0, 0, 0, stream, 1]));
    await client.until("GOAWAY", () => (client.goaways.length > 0 ? true : null));
    await client.wire.gone();
  });

  it("any frames at all: the others do not notice, and every request is counted once", async () => {
    const { proxy } = await stand();
    const other = await RawHttp2Client.connect(proxy.port);
    const anyFrame = fc
      .tuple(fc.nat(11), fc.nat(255), fc.nat(9), fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(BLOCK))))
      .map(([type, flags, stream, payload]) => frame(type, flags, stream, Buffer.from(payload)));
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 30 }), async (frames) => {
        const client = await RawHttp2Client.connect(proxy.port);
        client.wire.send(Buffer.concat(frames));
        expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
        client.wire.socket.destroy();
      }),
      { numRuns: 150 },
    );
    await proxy.ledger();
  });
});
