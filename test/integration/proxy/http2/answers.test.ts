import { describe, expect, it } from "vitest";
import { parseCertificate } from "../../../../src/proxy/tls/certificate.ts";
import { answerOf, ask, connectHttp2, open } from "../../../support/http2/client.ts";
import { CODE } from "../../../support/http2/frames.ts";
import { get, RawHttp2Client, request } from "../../../support/http2/raw-client.ts";
import { issue } from "../../../support/tls/issue.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy, type WireProxyOptions } from "../../../support/wire/wire-proxy.ts";

const H2: WireProxyOptions = { proxy: { http2Cleartext: true } };
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** An application that answers every request so, over HTTP/1.1, and closes the connection where it says so. */
async function answeredWith(answer: string, { closing = false } = {}): Promise<{ proxy: WireProxy; upstream: ScriptedUpstream }> {
  const upstream = await ScriptedUpstream.start(async (peer) => {
    for (;;) {
      await peer.request();
      peer.send(answer);
      if (closing) peer.fin();
    }
  });
  return { upstream, proxy: await WireProxy.start([upstream.port], H2) };
}

function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === name);
}

describe("L16: the fields of an answer", () => {
  it("are in small letters, those of the connection are gone, the rest stays in order, however often", async () => {
    const { proxy } = await answeredWith(
      "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nX-Up: \xe4\xff\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n" +
        "Proxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nTE: gzip\r\nSet-Cookie: b=2\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n" +
        "Access-Control-Expose-Headers: content-length\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok",
    );
    const { fields, status, body } = await ask(await connectHttp2(proxy.port));
    expect([status, body]).toEqual([200, "ok"]);
    expect(fields).toEqual([
      ...[
        ":status",
        "200",
        "set-cookie",
        "a=1",
        "x-up",
        "\xe4\xff",
        "set-cookie",
        "b=2",
        "content-type",
        "a/b",
        "content-type",
        "c/d",
      ],
      ...["access-control-expose-headers", "content-length", "date", "Mon, 01 Jan 2024 00:00:00 GMT", "content-length", "2"],
    ]);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("F13: a Date is added where there is none, once", async () => {
    const { proxy } = await answeredWith(OK);
    expect(valuesOf((await ask(await connectHttp2(proxy.port))).fields, "date")).toHaveLength(1);
  });

  it("G12: a status beyond 599 is a 500 here, with its body", async () => {
    const { proxy } = await answeredWith("HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nok");
    expect(await ask(await connectHttp2(proxy.port))).toMatchObject({ status: 500, body: "ok", code: 0 });
    expect(await proxy.ledger()).toEqual({ appError: 1 });
  });

  it("M1, HSTS: by ALPN over TLS, with the field that the app wants", async () => {
    const { cert, key } = await issue(["shop.test"]);
    const { certificate } = parseCertificate(cert, key);
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { secure: { certificate: certificate!, hsts: "max-age=60" } });
    const session = await connectHttp2(proxy.port, { secure: true, servername: "shop.test" });
    expect(session.alpnProtocol).toBe("h2");
    const answer = await ask(session, { ":authority": "shop.test" });
    expect(answer).toMatchObject({ status: 200, body: "ok" });
    expect(valuesOf(answer.fields, "strict-transport-security")).toEqual(["max-age=60"]);
    expect(upstream.received).toContain("X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});

describe("L15: interim answers", () => {
  it("103, 102 and 100 come in their order before the answer", async () => {
    const { proxy } = await answeredWith(
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\nConnection: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`,
    );
    const answer = await ask(await connectHttp2(proxy.port));
    expect(answer).toMatchObject({ status: 200, body: "ok", code: 0 });
    expect(answer.interim.map((head) => head[":status"])).toEqual([103, 102, 100]);
    expect(answer.interim[0]).toMatchObject({ link: "</a>, </b>" });
    expect(answer.interim[0]).not.toHaveProperty("connection");
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("H8: a 101 that nobody asked for is none: 502", async () => {
    const { proxy } = await answeredWith("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    expect(await ask(await connectHttp2(proxy.port))).toMatchObject({ status: 502 });
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });
});

describe("L18: answers without a body are HEADERS with END_STREAM", () => {
  it.each([
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "5"],
    ["HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, null],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, null],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "5"],
    ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "0"],
  ] as const)("%s, %j", async (method, answer, status, length) => {
    const { proxy } = await answeredWith(answer);
    const client = await RawHttp2Client.connect(proxy.port);
    for (let round = 0; round < 2; round += 1) {
      const outcome = await client.over(client.open(request(method)));
      expect(outcome).toMatchObject({ status, frames: ["HEADERS, END_STREAM"], reset: null });
    }
    const { headers } = await ask(await connectHttp2(proxy.port), { ":method": method });
    expect(headers["content-length"] ?? null).toBe(length);
    expect(await proxy.ledger()).toEqual({ served: 3 });
  });
});

describe("L17: an answer that breaks off is RST_STREAM(INTERNAL_ERROR), never END_STREAM", () => {
  it.each([
    ["less than Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"],
    ["no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nX\r\n"],
  ])("%s", async (_, answer) => {
    const { proxy } = await answeredWith(answer, { closing: true });
    const client = await RawHttp2Client.connect(proxy.port);
    const outcome = await client.over(client.open(get()));
    expect(outcome).toMatchObject({ status: 200, ended: false, reset: CODE.internal });
    expect("hello".startsWith(outcome.body)).toBe(true);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("before its head is whole: 502", async () => {
    const { proxy } = await answeredWith("HTTP/1.1 200 OK\r\nContent-Le", { closing: true });
    const client = await RawHttp2Client.connect(proxy.port);
    expect(await client.over(client.open(get()))).toMatchObject({ status: 502, ended: true });
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("G1: until the connection ends, where there is no other length, is whole", async () => {
    const { proxy } = await answeredWith("HTTP/1.0 200 OK\r\n\r\nhello", { closing: true });
    expect(await ask(await connectHttp2(proxy.port))).toMatchObject({ status: 200, body: "hello", code: 0 });
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});

describe("trailers of an answer", () => {
  it("G15: of a chunked one come as trailers; what may not be one is left out", async () => {
    const { proxy } = await answeredWith(
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nConnection: close\r\n" +
        "HTTP2-Settings: x\r\nTE: gzip\r\nUpgrade: x\r\nKeep-Alive: x\r\nContent-Length: 1\r\n\r\n",
    );
    const answer = await ask(await connectHttp2(proxy.port), { te: "trailers" });
    expect(answer).toMatchObject({ status: 200, body: "hello", code: 0 });
    expect(Object.entries(answer.trailers)).toEqual([["x-sum", "1, 2"]]);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("none at all: the stream ends all the same", async () => {
    const { proxy } = await answeredWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    const client = await RawHttp2Client.connect(proxy.port);
    expect(await client.over(client.open(get()))).toMatchObject({ status: 200, body: "hello", ended: true, reset: null });
  });
});

describe("the proxy's own answers", () => {
  it("I16: 503 with Retry-After, a body for GET and none for HEAD", async () => {
    const proxy = await WireProxy.start([], H2);
    const session = await connectHttp2(proxy.port);
    const answer = await ask(session);
    expect(answer).toMatchObject({ status: 503, code: 0 });
    expect(answer.headers).toMatchObject({ "retry-after": "1", "cache-control": "no-store" });
    expect(answer.body).toMatch(/^503 Service Unavailable: /);
    expect(await ask(session, { ":method": "HEAD" })).toMatchObject({ status: 503, body: "" });
    expect(await ask(session, { ":method": "POST" }, "hello")).toMatchObject({ status: 503 });
    expect(await proxy.ledger()).toEqual({ failed: 3 });
  });

  it("R4, J13: no first byte in time is a 504, the other streams go on", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      for (;;) if ((await peer.request()).startLine.includes("/good")) peer.send(OK);
    });
    const proxy = await WireProxy.start([upstream.port], { proxy: { http2Cleartext: true, firstByteTimeoutMs: 500 } });
    const session = await connectHttp2(proxy.port);
    expect(await ask(session, { ":path": "/never" })).toMatchObject({ status: 504 });
    expect(await ask(session, { ":path": "/good" })).toMatchObject({ status: 200 });
    expect(await proxy.ledger()).toEqual({ failed: 1, served: 1 });
  });

  it("J13: nothing more in time after the head: the stream is reset", async () => {
    const { upstream } = await answeredWith("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    const proxy = await WireProxy.start([upstream.port], { ...H2, limits: { betweenBytesMs: 50 } });
    const client = await RawHttp2Client.connect(proxy.port);
    expect(await client.over(client.open(get()))).toMatchObject({
      status: 200,
      body: "hello",
      reset: CODE.internal,
      ended: false,
    });
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it("K2: a body that stops is a 408, and then the stream is ended without an error", async () => {
    const { upstream } = await answeredWith(OK);
    const proxy = await WireProxy.start([upstream.port], { ...H2, limits: { bodyIdleMs: 50, lingerIdleMs: 50 } });
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(request("POST"), { end: false });
    client.data(stream, "hel", { end: false });
    expect(await client.over(stream)).toMatchObject({ status: 408, ended: true });
    await client.until("RST_STREAM", () => (client.stream(stream).reset === CODE.none ? true : null));
    expect(await proxy.ledger()).toEqual({ refused: 1 });
  });

  it("K4: a connection without a first request ends after the time for a head, one with requests after that for keep-alive", async () => {
    const { upstream } = await answeredWith(OK);
    const proxy = await WireProxy.start([upstream.port], { ...H2, limits: { headTimeoutMs: 500, clientKeepAliveMs: 60_000 } });
    const used = await RawHttp2Client.connect(proxy.port);
    expect(await used.over(used.open(get()))).toMatchObject({ status: 200 });
    const idle = await RawHttp2Client.connect(proxy.port);
    await idle.until("it ends", () => (idle.wire.ended ? true : null));
    expect(idle.goaways[0]).toMatchObject({ code: CODE.none });
    expect(await used.over(used.open(get()))).toMatchObject({ status: 200 });
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });
});

describe("an answer before the request is whole (G13)", () => {
  it.each([
    ["in one piece", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"],
    ["chunked", "HTTP/1.1 413 Content Too Large\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"],
    ["without a body", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"],
  ])("%s: arrives whole, then RST_STREAM(NO_ERROR) ends the upload", async (_, answer) => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.send(answer);
    });
    const proxy = await WireProxy.start([upstream.port], { ...H2, limits: { lingerIdleMs: 50 } });
    const client = await RawHttp2Client.connect(proxy.port);
    const stream = client.open(request("POST"), { end: false });
    client.data(stream, "hello", { end: false });
    const outcome = await client.until("RST_STREAM", () => (client.stream(stream).reset === null ? null : client.stream(stream)));
    expect(outcome).toMatchObject({ status: 413, body: answer.includes("no") ? "no" : "", ended: true, reset: CODE.none });
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });
});

describe("the proxy's own early answer", () => {
  it.each([
    ["of a length that is too much", [["content-length", "100"]], 413],
    ["of what turns out to be too much", [], 413],
    ["of what comes too slowly", [], 408],
  ] as const)(
    "%s: arrives whole, then RST_STREAM(NO_ERROR) ends the upload, and the connection goes on",
    async (_, more, status) => {
      const upstream = await startAnswering(OK);
      const proxy = await WireProxy.start([upstream.port], {
        proxy: { http2Cleartext: true, maxBodyBytes: 10 },
        limits: { lingerIdleMs: 50, bodyIdleMs: 100 },
      });
      const client = await RawHttp2Client.connect(proxy.port);
      const stream = client.open([...request("POST"), ...more], { end: false });
      client.data(stream, status === 413 ? "x".repeat(11) : "x", { end: false });
      const outcome = await client.until("RST_STREAM", () =>
        client.stream(stream).reset === null ? null : client.stream(stream),
      );
      expect(outcome).toMatchObject({ status, ended: true, reset: CODE.none });
      expect(outcome.body).toContain(String(status));
      expect(await client.over(client.open(get()))).toMatchObject({ status: 200 });
      expect(client.goaways).toEqual([]);
      expect(await proxy.ledger()).toEqual({ refused: 1, served: 1 });
    },
  );
});

describe("H2: Expect: 100-continue", () => {
  it("an HTTP/1.1 application is asked, and its 100 goes back", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      expect(await peer.head()).toMatch(/\r\nExpect: 100-continue\r\n/);
      peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      await peer.request();
      peer.send(OK);
    });
    const proxy = await WireProxy.start([upstream.port], H2);
    const stream = open(await connectHttp2(proxy.port), { ":method": "POST", expect: "100-continue" });
    const answer = answerOf(stream);
    stream.on("continue", () => stream.end("hello"));
    expect(await answer).toMatchObject({ status: 200, code: 0 });
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("H4: its refusal goes back before any of the body", async () => {
    const { proxy } = await (async () => {
      const upstream = await ScriptedUpstream.start(async (peer) => {
        await peer.head();
        peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
      });
      return { proxy: await WireProxy.start([upstream.port], H2) };
    })();
    const stream = open(await connectHttp2(proxy.port), { ":method": "POST", expect: "100-continue" });
    const answer = answerOf(stream);
    stream.on("response", () => stream.end());
    expect(await answer).toMatchObject({ status: 417 });
  });
});
