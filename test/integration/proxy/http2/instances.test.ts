import { createHash } from "node:crypto";
import type { ServerHttp2Stream } from "node:http2";
import { describe, expect, it } from "vitest";
import { answerOf, ask, connectHttp2, open } from "../../../support/http2/client.ts";
import { CODE } from "../../../support/http2/frames.ts";
import { RawHttp2Client, request } from "../../../support/http2/raw-client.ts";
import { Http2Upstream, ok, type Handler } from "../../../support/http2/upstream.ts";
import { until } from "../../../support/temp.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { refusingPort } from "../../../support/wire/refusing-port.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const H2: WireProxyOptions = { protocol: "h2c", proxy: { http2Cleartext: true } };
const MIB = 1024 * 1024;

async function stand(
  handler: Handler = ok,
  options: WireProxyOptions = H2,
): Promise<{ proxy: WireProxy; upstream: Http2Upstream }> {
  const upstream = await Http2Upstream.start(handler);
  return { upstream, proxy: await WireProxy.start([upstream.port], options) };
}

/** An application that refuses the first so many requests it gets (RFC 9113 section 8.7), after having read what came with them. */
function refusing(times: number): Handler {
  return (stream, request, index) => {
    if (index > times) ok(stream, request);
    else if (request.headers[":method"] === "GET") stream.close(CODE.refused);
    else
      stream.once("data", () => {
        stream.close(CODE.refused);
      });
  };
}

describe("a request to an instance that speaks HTTP/2", () => {
  it("from HTTP/2: fields, body and trailers as they came, with ours", async () => {
    const { proxy, upstream } = await stand();
    const stream = (await connectHttp2(proxy.port)).request(
      {
        ":method": "POST",
        ":authority": "shop",
        ":path": "/a?b",
        "x-a": "\xe4",
        te: "trailers",
        cookie: ["a=1", "b=2"],
        "user-agent": "me",
      },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => {
      stream.sendTrailers({ "x-sum": "1" });
    });
    const answer = answerOf(stream);
    stream.end("hello");
    expect(await answer).toMatchObject({ status: 200, body: "ok", code: 0 });
    const [seen] = upstream.requests;
    expect(seen).toMatchObject({ body: "hello", whole: true, trailers: { "x-sum": "1" } });
    expect(seen!.headers).toMatchObject({ ":method": "POST", ":authority": "shop", ":path": "/a?b", ":scheme": "http" });
    expect(seen!.headers).toMatchObject({
      "x-a": "\xe4",
      te: "trailers",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": "shop",
    });
    expect(seen!.headers).toMatchObject({ cookie: "a=1; b=2" });
    expect(seen!.headers).not.toHaveProperty("host");
    expect(seen!.headers).not.toHaveProperty("content-length");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("from HTTP/1.1: the same, without what belongs to the connection; an answer without a length is chunked, with its trailers", async () => {
    const upstream = await Http2Upstream.start((stream, request) => {
      stream.setEncoding("latin1").on("data", (text: string) => (request.body += text));
      stream.respond({ ":status": 200, "set-cookie": ["a", "b"] }, { waitForTrailers: true });
      stream.on("wantTrailers", () => {
        stream.sendTrailers({ "x-sum": "2" });
      });
      stream.end("answer");
    });
    const proxy = await WireProxy.start([upstream.port], { protocol: "h2c" });
    const client = await connectRaw(proxy.port);
    client.send(
      "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nTE: trailers\r\n" +
        "User-Agent: x\r\nUser-Agent: y\r\nContent-Length: 5\r\n\r\nhello",
    );
    const answer = await client.answer();
    expect(answer.body).toBe("answer");
    expect(answer.trailers).toEqual(["x-sum: 2"]);
    expect(answer.fields.filter(([name]) => name === "set-cookie").map(([, value]) => value)).toEqual(["a", "b"]);
    const [seen] = upstream.requests;
    expect(seen).toMatchObject({ body: "hello" });
    expect(seen!.fields.join(" ")).toMatch(/user-agent x user-agent y content-length 5 te trailers x-forwarded-for/);
    expect(seen!.fields.join(" ")).not.toMatch(/x-hop|connection|http2-settings|upgrade/);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("HEAD, 204, 304 and an empty 200 have no body, for either client", async () => {
    const { proxy } = await stand((stream, { headers }) => {
      const status = Number(headers[":path"]?.slice(1));
      stream.respond(
        { ":status": status, ...(status === 304 || headers[":method"] === "HEAD" ? { "content-length": "5" } : {}) },
        { endStream: true },
      );
    });
    const session = await connectHttp2(proxy.port);
    const client = await connectRaw(proxy.port);
    for (const [method, status, length] of [
      ["HEAD", 200, "5"],
      ["GET", 204, null],
      ["GET", 304, "5"],
      ["GET", 200, "0"],
    ] as const) {
      const answer = await ask(session, { ":method": method, ":path": `/${status}` });
      expect(answer).toMatchObject({ status, body: "", code: 0 });
      client.send(`${method} /${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const plain = await client.answer(method);
      expect(plain.startLine).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(plain.fields.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? null).toBe(length);
    }
    expect(await proxy.ledger()).toEqual({ served: 8 });
  });

  it("H1: 103 comes through, and so does the answer after it", async () => {
    const { proxy } = await stand((stream, request) => {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      ok(stream, request);
    });
    const answer = await ask(await connectHttp2(proxy.port));
    expect(answer).toMatchObject({ status: 200, body: "ok" });
    expect(answer.interim).toMatchObject([{ ":status": 103, link: "</a>" }]);
    const client = await connectRaw(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.answer("HEAD")).startLine).toBe("HTTP/1.1 103 ");
    expect(await client.status()).toBe(200);
  });

  it.each(["http1", "http2"])("H2: Expect is answered here; the body goes on (client: %s)", async (protocol) => {
    const { proxy, upstream } = await stand();
    if (protocol === "http2") {
      const stream = open(await connectHttp2(proxy.port), { ":method": "POST", expect: "100-continue" });
      const answer = answerOf(stream);
      stream.on("continue", () => stream.end("hello"));
      expect(await answer).toMatchObject({ status: 200 });
    } else {
      const client = await connectRaw(proxy.port);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
      expect(await client.status("HEAD")).toBe(100);
      client.send("hello");
      expect(await client.status()).toBe(200);
    }
    expect(upstream.requests).toMatchObject([{ body: "hello" }]);
    expect(upstream.requests[0]!.headers).not.toHaveProperty("expect");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("many at a time share one connection; the 101st makes another", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { proxy, upstream } = await stand((stream) => waiting.push(stream));
    const [first, second] = [await connectHttp2(proxy.port), await connectHttp2(proxy.port)];
    const answers = Array.from({ length: 101 }, (_, index) => ask(index < 60 ? first : second));
    await until(() => waiting.length === 101, { what: "all of them at the application" });
    expect(upstream.sessions).toHaveLength(2);
    for (const stream of waiting) stream.respond({ ":status": 204 }, { endStream: true });
    expect((await Promise.all(answers)).every(({ status }) => status === 204)).toBe(true);
    expect(await proxy.ledger()).toEqual({ served: 101 });
  });

  it("a large answer and a large upload at once arrive whole", async () => {
    const piece = Buffer.alloc(8 * MIB, "0123456789abcdef");
    const sum = createHash("sha256").update(piece).digest("hex");
    const { proxy } = await stand((stream) => {
      const hash = createHash("sha256");
      stream.on("data", (data: Buffer) => hash.update(data));
      stream.on("end", () => {
        stream.respond({ ":status": 200, "x-sum": hash.digest("hex") });
        stream.end(piece);
      });
    });
    const answer = await ask(await connectHttp2(proxy.port), { ":method": "POST" }, piece);
    expect(answer.headers["x-sum"]).toBe(sum);
    expect(createHash("sha256").update(answer.body, "latin1").digest("hex")).toBe(sum);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});

describe("L17, J7: an instance that breaks off", () => {
  it.each([true, false])(
    "RST_STREAM in the middle of its answer (with a length: %s): either client sees that it is not whole",
    async (length) => {
      const { proxy } = await stand((stream) => {
        stream.respond({ ":status": 200, ...(length ? { "content-length": "10" } : {}) });
        stream.write("hello", () => {
          setImmediate(() => stream.destroy(new Error("dies")));
        });
      });
      const answer = await ask(await connectHttp2(proxy.port));
      expect(answer).toMatchObject({ status: 200, code: CODE.internal });
      const client = await connectRaw(proxy.port);
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await client.gone();
      expect(client.reset).toBe(true);
      expect(await proxy.ledger()).toEqual({ failed: 2 });
    },
  );

  it("J5: its connection in the middle of a request: POST is a 502, once; GET is repeated once", async () => {
    const { proxy, upstream } = await stand((stream, request, index) => {
      if (index <= 2) stream.session?.socket.destroy();
      else ok(stream, request);
    });
    const session = await connectHttp2(proxy.port);
    expect(await ask(session, { ":method": "POST" }, "hello")).toMatchObject({ status: 502 });
    expect(upstream.requests).toHaveLength(1);
    expect(await ask(session)).toMatchObject({ status: 200 });
    expect(upstream.requests).toHaveLength(3);
    expect(await proxy.ledger()).toEqual({ failed: 1, servedAfterRetry: 1 });
  });

  it("what speaks something else is a 502, not an endless story", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.until("anything", () => (peer.received === "" ? null : true));
      peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      peer.fin();
    });
    const proxy = await WireProxy.start([upstream.port], H2);
    expect(await ask(await connectHttp2(proxy.port), { ":method": "POST" }, "x")).toMatchObject({ status: 502 });
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });
});

describe("R5, J14: an instance that has done nothing with a request", () => {
  it.each(["GET", "POST"])("REFUSED_STREAM: %s goes elsewhere, with its body", async (method) => {
    const refuser = await Http2Upstream.start(refusing(Infinity));
    const live = await Http2Upstream.start();
    const proxy = await WireProxy.start([refuser.port, live.port], H2);
    const session = await connectHttp2(proxy.port);
    const body = method === "POST" ? "hello" : undefined;
    for (let round = 0; round < 4; round += 1)
      expect(await ask(session, { ":method": method }, body)).toMatchObject({ status: 200 });
    expect(live.requests.map((request) => request.body)).toEqual(Array(4).fill(body ?? ""));
    const { served = 0, servedAfterRetry = 0, ...others } = await proxy.ledger();
    expect([served + servedAfterRetry, others]).toEqual([4, {}]);
    expect(servedAfterRetry).toBeGreaterThanOrEqual(2);
  });

  it("a body that is still coming goes on to the other one, from its beginning", async () => {
    const refuser = await Http2Upstream.start(refusing(Infinity));
    const proxy = await WireProxy.start([refuser.port], { ...H2, proxy: { http2Cleartext: true, holdMs: 60_000 } });
    const stream = open(await connectHttp2(proxy.port), { ":method": "POST" });
    const answer = answerOf(stream);
    stream.write("one,");
    await until(() => proxy.held === 1, { what: "it is held" });
    stream.write("two,");
    const live = await Http2Upstream.start();
    proxy.route([live.port]);
    await until(() => live.requests[0]?.body === "one,two,", { what: "what has come so far" });
    stream.end("three");
    expect(await answer).toMatchObject({ status: 200 });
    expect(live.requests).toMatchObject([{ body: "one,two,three", whole: true }]);
    expect(await proxy.ledger()).toEqual({ servedAfterHold: 1 });
  });

  it("more than is kept of a body: 502, never half of it", async () => {
    const refuser = await Http2Upstream.start((stream, request) => {
      stream.on("data", (data: Buffer) => {
        request.body += data.toString("latin1");
        if (request.body.length > 70_000) stream.close(CODE.refused);
      });
    });
    const live = await Http2Upstream.start();
    const proxy = await WireProxy.start([refuser.port, live.port], H2);
    expect(await ask(await connectHttp2(proxy.port), { ":method": "POST" }, "x".repeat(100_000))).toMatchObject({ status: 502 });
    expect(live.requests).toEqual([]);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("alone and refusing once: asked again; refusing always: an end, not for ever", async () => {
    const { proxy, upstream } = await stand(refusing(1));
    const session = await connectHttp2(proxy.port);
    expect(await ask(session, { ":method": "POST" }, "hello")).toMatchObject({ status: 200 });
    expect(upstream.requests).toHaveLength(2);
    const always = await stand(refusing(Infinity));
    expect(await ask(await connectHttp2(always.proxy.port))).toMatchObject({ status: 503 });
    expect(always.upstream.requests.length).toBeLessThanOrEqual(3);
    expect(await proxy.ledger()).toEqual({ servedAfterRetry: 1 });
    expect(await always.proxy.ledger()).toEqual({ failed: 1 });
  });

  it("GOAWAY: what was begun is finished there, what comes after it is sent on a new connection, nothing is lost", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { proxy, upstream } = await stand((stream, request) => {
      if (request.headers[":path"] === "/wait") waiting.push(stream);
      else ok(stream, request);
    });
    const session = await connectHttp2(proxy.port);
    const begun = ask(session, { ":path": "/wait" });
    await until(() => waiting.length === 1, { what: "the first request" });
    upstream.sessions[0]!.close();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(session, { ":method": "POST" }, "hello")));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    waiting[0]!.respond({ ":status": 200 });
    waiting[0]!.end("late");
    expect(await begun).toMatchObject({ status: 200, body: "late" });
    expect(upstream.sessions).toHaveLength(2);
    const { served = 0, servedAfterRetry = 0, ...others } = await proxy.ledger();
    expect([served + servedAfterRetry, others]).toEqual([21, {}]);
  });

  it("instances that say GOAWAY again and again under load: nothing is lost", async () => {
    const { proxy, upstream } = await stand((stream, request, index) => {
      ok(stream, request);
      if (index % 10 === 0) stream.session?.close();
    });
    const session = await connectHttp2(proxy.port);
    const run = async (): Promise<(number | null)[]> => {
      const statuses = [];
      for (let round = 0; round < 30; round += 1) statuses.push((await ask(session, { ":method": "POST" }, "hello")).status);
      return statuses;
    };
    const statuses = (await Promise.all(Array.from({ length: 10 }, run))).flat();
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(upstream.requests.filter(({ body }) => body !== "hello" && body !== "")).toEqual([]);
    expect(upstream.sessions.length).toBeGreaterThan(5);
    const { served = 0, servedAfterRetry = 0, ...others } = await proxy.ledger();
    expect([served + servedAfterRetry, others]).toEqual([300, {}]);
  });
});

describe("a client that goes, a drain, a cut", () => {
  it("L20: its stream to the instance is cancelled, the connection and the other streams live", async () => {
    const { proxy, upstream } = await stand((stream, request) => {
      if (request.headers[":path"] === "/endless") {
        stream.respond({ ":status": 200 });
        stream.write("x");
      } else ok(stream, request);
    });
    const session = await connectHttp2(proxy.port);
    const stream = open(session, { ":path": "/endless" }, true);
    await new Promise((resolve) => stream.once("data", resolve));
    stream.close(CODE.cancel);
    await until(() => upstream.requests[0]!.code === CODE.cancel, { what: "RST_STREAM at the application" });
    expect(await ask(session)).toMatchObject({ status: 200 });
    expect(upstream.sessions).toHaveLength(1);
    expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 1 });
  });

  it("D17: in the middle of its body: the application never sees a whole request", async () => {
    const { proxy, upstream } = await stand((stream, request) => {
      stream.setEncoding("latin1").on("data", (text: string) => (request.body += text));
    });
    const raw = await RawHttp2Client.connect(proxy.port);
    for (const fields of [request("POST"), request("POST", "/", [["content-length", "10"]])]) {
      const stream = raw.open(fields, { end: false });
      raw.data(stream, "hello", { end: false });
      const seen = await until(() => upstream.requests.find(({ body }) => body === "hello"), { what: "the body's beginning" });
      raw.reset(stream, CODE.cancel);
      await until(() => seen.code !== null, { what: "the end of the stream" });
      expect(seen.whole).toBe(false);
      seen.body = "";
    }
    const client = await connectRaw(proxy.port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    const third = await until(() => upstream.requests.find(({ body }) => body === "hello"), { what: "the third one" });
    client.rst();
    await until(() => third.code !== null, { what: "the end of the stream" });
    expect(third.whole).toBe(false);
    expect(await proxy.ledger()).toEqual({ clientGone: 3 });
  });

  it("a drain waits for the streams, then the connection ends; a cut ends them", async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { proxy, upstream } = await stand((stream) => waiting.push(stream));
    const session = await connectHttp2(proxy.port);
    const [one, two] = [ask(session), ask(session)];
    await until(() => waiting.length === 2, { what: "both at the application" });
    const next = await Http2Upstream.start();
    proxy.route([next.port]);
    let drained = false;
    const drain = proxy.drain([upstream.port]).then(() => (drained = true));
    expect(await ask(session)).toMatchObject({ status: 200 });
    expect(drained).toBe(false);
    waiting[0]!.respond({ ":status": 204 }, { endStream: true });
    expect(await one).toMatchObject({ status: 204 });
    expect(drained).toBe(false);
    proxy.cut([upstream.port]);
    await drain;
    expect(await two).toMatchObject({ status: 503 });
    await until(() => upstream.sessions[0]!.destroyed, { what: "the connection to the old instance ends" });
    expect(await proxy.ledger()).toEqual({ served: 2, cut: 1 });
  });

  it("R0: a target that refuses connections: another one; a dead one alone: held", async () => {
    const closed = await refusingPort();
    const live = await Http2Upstream.start();
    const proxy = await WireProxy.start([closed, live.port], { ...H2, proxy: { http2Cleartext: true, holdMs: 60_000 } });
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

  it("R4: no first byte in time: 504, not repeated; a stream that stalls in the middle is reset", async () => {
    const { upstream } = await stand((stream, { headers }) => {
      if (headers[":path"] !== "/half") return;
      stream.respond({ ":status": 200 });
      stream.write("hello");
    });
    const proxy = await WireProxy.start([upstream.port], {
      ...H2,
      limits: { betweenBytesMs: 500 },
      proxy: { http2Cleartext: true, firstByteTimeoutMs: 500 },
    });
    const session = await connectHttp2(proxy.port);
    expect(await ask(session)).toMatchObject({ status: 504 });
    expect(await ask(session, { ":path": "/half" })).toMatchObject({ status: 200, body: "hello", code: CODE.internal });
    expect(upstream.requests).toHaveLength(2);
    expect(await proxy.ledger()).toEqual({ failed: 2 });
  });
});
