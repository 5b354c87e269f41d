import { describe, expect, it } from "vitest";
import { CODE } from "../../../support/http2/frames.ts";
import { get, RawHttp2Client, request, type FieldList } from "../../../support/http2/raw-client.ts";
import { startAnswering, type ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";
import { ours } from "../../../support/wire/vectors.ts";

interface Stand {
  readonly proxy: WireProxy;
  readonly upstream: ScriptedUpstream;
  readonly client: RawHttp2Client;
}

async function stand(): Promise<Stand> {
  const upstream = await startAnswering();
  const proxy = await WireProxy.start([upstream.port], { proxy: { http2Cleartext: true } });
  return { proxy, upstream, client: await RawHttp2Client.connect(proxy.port) };
}

/** `get` with one of its fields set anew. */
function withField(name: string, value: string): FieldList {
  return get().map(([known, old]) => [known, known === name ? value : old]);
}

function without(name: string): FieldList {
  return get().filter(([known]) => known !== name);
}

/** What the application saw, the request id aside. */
function seen(upstream: ScriptedUpstream): string[] {
  return upstream.requests.map(({ raw }) => raw.replace(/(?<=X-Request-ID: )[0-9a-f]{20}(?=\r\n)/, "…"));
}

const GOOD = `GET /good HTTP/1.1\r\nHost: a\r\n${ours()}`;

/** `reset`: the stream alone is ended as malformed (RFC 9113 section 8.1.1); a number: this answer. Nothing goes on to the application. */
const REFUSED: readonly (readonly [string, FieldList, "reset" | number])[] = [
  ["L2: a field name in capitals", get("/", [["X-A", "1"]]), "reset"],
  ["L2: a pseudo-field after a regular one", [["x-a", "1"], ...get()], "reset"],
  ["L2: :path twice", get("/", [[":path", "/other"]]), "reset"],
  ["L2: an unknown pseudo-field", [[":what", "1"], ...get()], "reset"],
  ["L2: no :path", without(":path"), "reset"],
  ["L2: no :method", without(":method"), "reset"],
  ["L2: neither :authority nor host", without(":authority"), "reset"],
  ...["connection", "keep-alive", "upgrade", "proxy-connection", "transfer-encoding"].map(
    (name) => [`L3: ${name}`, get("/", [[name, "chunked"]]), "reset"] as const,
  ),
  ["L3: te: gzip", get("/", [["te", "gzip"]]), "reset"],
  ...["", "no-slash", "/a b", "/a\tb", "/a\r\nX: 1", "*", "http://b/"].map(
    (path) => [`L5: :path ${JSON.stringify(path)}`, withField(":path", path), "reset"] as const,
  ),
  ["L5: a fragment", get("/a#b"), 400],
  ["L5: a byte above 0x7f", get("/\xff"), 400],
  ["L6: content-length that is no number", get("/", [["content-length", "5x"]]), "reset"],
  [
    "L6: content-length twice",
    get("/", [
      ["content-length", "0"],
      ["content-length", "0"],
    ]),
    "reset",
  ],
  ["L6: content-length without DATA", get("/", [["content-length", "5"]]), "reset"],
  ...["GET /x", "GET\r\n", "G("].map(
    (method) => [`L7: method ${JSON.stringify(method)}`, withField(":method", method), "reset"] as const,
  ),
  ["L8: :scheme that is none", withField(":scheme", "ht tp"), "reset"],
  ["L8: :authority with a line end", withField(":authority", "a\r\nX: 1"), "reset"],
  ["L8: :authority with a path", withField(":authority", "a/b"), "reset"],
  ["L8: :authority twice", get("/", [[":authority", "b"]]), "reset"],
  ["L8: user information in :authority", withField(":authority", "u@a"), "reset"],
  ["L9: host that is not :authority", get("/", [["host", "evil"]]), 400],
  ["L10: two host fields and no :authority", [...without(":authority"), ["host", "a"], ["host", "b"]], "reset"],
  [
    "L11: CONNECT",
    [
      [":method", "CONNECT"],
      [":authority", "a:80"],
    ],
    405,
  ],
  ["L11: extended CONNECT", [...withField(":method", "CONNECT"), [":protocol", "websocket"]], "reset"],
  ["H13: TRACE", withField(":method", "TRACE"), 405],
  ["H3: another expectation", get("/", [["expect", "200-ok"]]), 417],
];

describe("what is refused, on its stream alone", () => {
  it.each(REFUSED)("%s", async (_, fields, outcome) => {
    const { proxy, upstream, client } = await stand();
    const bad = await client.over(client.open(fields));
    if (outcome === "reset") expect(bad).toMatchObject({ status: null, reset: CODE.protocol });
    else expect(bad).toMatchObject({ status: outcome, ended: true });
    const good = await client.over(client.open(get("/good")));
    expect(good).toMatchObject({ status: 200, ended: true, body: "ok" });
    expect(seen(upstream)).toEqual([GOOD]);
    expect(await proxy.ledger()).toEqual(outcome === "reset" ? { served: 1 } : { served: 1, refused: 1 });
  });

  it.each(["hell", "hello!"])(
    "L6: DATA %j where content-length says 5: never a whole request to the application",
    async (text) => {
      const { proxy, upstream, client } = await stand();
      const stream = client.open(request("POST", "/", [["content-length", "5"]]), { end: false });
      client.data(stream, text);
      await client.until("the stream or the connection ends", () =>
        client.stream(stream).reset === CODE.protocol || client.goaways.length > 0 || client.wire.ended ? true : null,
      );
      expect(client.stream(stream).status).toBe(null);
      const other = await RawHttp2Client.connect(proxy.port);
      expect(await other.over(other.open(get("/good")))).toMatchObject({ status: 200 });
      expect(seen(upstream)).toEqual([GOOD]);
      expect(await proxy.ledger()).toEqual({ served: 1, clientGone: 1 });
    },
  );

  it.each([
    ["content-length", "5"],
    ["transfer-encoding", "chunked"],
    [":path", "/"],
  ])("L14: trailers with %s", async (name, value) => {
    const { proxy, upstream, client } = await stand();
    const stream = client.open(request("POST"), { end: false });
    client.data(stream, "hello", { end: false });
    client.trailers(stream, [[name, value]]);
    // nghttp2 ends the stream, or leaves what it does not like out: the application never sees it.
    const outcome = await client.over(stream);
    expect(upstream.received.slice(upstream.received.indexOf("\r\n\r\n"))).not.toContain(name.replace(":", ""));
    expect(outcome.reset === CODE.protocol || outcome.status === 200).toBe(true);
    expect(await proxy.ledger()).toEqual(outcome.status === 200 ? { served: 1 } : { clientGone: 1 });
  });

  it("B14: more fields than the limit: the stream ends, nothing goes on", async () => {
    const { proxy, upstream, client } = await stand();
    const many = Array.from({ length: 200 }, (_, index) => [`x-${index}`, "1"] as const);
    const { reset, status } = await client.over(client.open(get("/", many)));
    expect(reset !== null || status === 431).toBe(true);
    expect(upstream.received).toBe("");
    expect(await proxy.ledger()).toEqual(status === 431 ? { refused: 1 } : {});
  });
});

/** As the application sees it, over HTTP/1.1. */
const SEEN: readonly (readonly [string, FieldList, string | null, string])[] = [
  ["L13: GET without a body has no framing", get("/good"), null, GOOD],
  [
    "A12: the target is not touched",
    get("/a/../b//c/%2e%2e/%2F?x=a;b&y=%zz"),
    null,
    `GET /a/../b//c/%2e%2e/%2F?x=a;b&y=%zz HTTP/1.1\r\nHost: a\r\n${ours()}`,
  ],
  ["L7: get is another method than GET", withField(":method", "get"), null, `get / HTTP/1.1\r\nHost: a\r\n${ours()}`],
  ["A9: an unknown method", withField(":method", "M-SEARCH"), null, `M-SEARCH / HTTP/1.1\r\nHost: a\r\n${ours()}`],
  ["A14: OPTIONS *", request("OPTIONS", "*"), null, `OPTIONS * HTTP/1.1\r\nHost: a\r\n${ours()}`],
  ["L9: host that is :authority, once", get("/", [["host", "a"]]), null, `GET / HTTP/1.1\r\nHost: a\r\n${ours()}`],
  ["host in the place of :authority", [...without(":authority"), ["host", "a"]], null, `GET / HTTP/1.1\r\nHost: a\r\n${ours()}`],
  [
    "L12: crumbs of a cookie are one field",
    get("/", [
      ["cookie", "a=1"],
      ["x-a", "1"],
      ["cookie", "b=2; c=3"],
      ["cookie", "d=4"],
    ]),
    null,
    `GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\ncookie: a=1; b=2; c=3; d=4\r\n${ours()}`,
  ],
  [
    "B7, B9: order, repetition and bytes above 0x7f stay",
    get("/", [
      ["x-b", "1"],
      ["x-a", "\xe4\xff"],
      ["x-b", "2"],
      ["user-agent", "x"],
      ["user-agent", "y"],
    ]),
    null,
    `GET / HTTP/1.1\r\nHost: a\r\nx-b: 1\r\nx-a: \xe4\xff\r\nx-b: 2\r\nuser-agent: x\r\nuser-agent: y\r\n${ours()}`,
  ],
  [
    "L3: te: trailers",
    get("/", [["te", "trailers"]]),
    null,
    `GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n${ours()}`,
  ],
  [
    "L13: DATA with content-length keeps it",
    request("POST", "/", [["content-length", "5"]]),
    "hello",
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${ours()}hello`,
  ],
  [
    "L13: DATA without content-length is chunked",
    request("POST"),
    "hello",
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${ours()}5\r\nhello\r\n0\r\n\r\n`,
  ],
  [
    "D8: GET with a body keeps it",
    request("GET", "/", [["content-length", "5"]]),
    "hello",
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${ours()}hello`,
  ],
  ["POST without a body", request("POST"), null, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${ours()}`],
  [
    "B12, B13: what is taken out of HTTP/1.1 requests too",
    get("/", [
      ["proxy", "x"],
      ["x-forwarded-for", "9.9.9.9"],
      ["content_length", "5"],
      ["forwarded", "for=x"],
    ]),
    null,
    `GET / HTTP/1.1\r\nHost: a\r\n${ours()}`,
  ],
];

describe("what goes on to the application", () => {
  it.each(SEEN)("%s", async (_, fields, body, expected) => {
    const { proxy, upstream, client } = await stand();
    const stream = client.open(fields, { end: body === null });
    if (body !== null) client.data(stream, body);
    expect(await client.over(stream)).toMatchObject({ status: 200, ended: true, body: "ok" });
    expect(seen(upstream)).toEqual([expected]);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it.each([
    ["a line end in a value", ["x-bad", "1\r\nX-Injected: 1"]],
    ["NUL in a value", ["x-bad", "1\0"]],
    ["0x7f in a value", ["x-bad", "1\x7f"]],
    ["a leading space in a value", ["x-bad", " 1"]],
    ["a line end in a name", ["x-bad\r\nx-injected: 1", "1"]],
    ["a space in a name", ["x-bad x", "1"]],
    ["a colon in a name", ["x-bad:x", "1"]],
    ["an empty name", ["", "1"]],
  ] as const)("L4: %s never reaches it", async (_, field) => {
    const { proxy, upstream, client } = await stand();
    await client.over(client.open(get("/", [field])));
    expect(await client.over(client.open(get("/good")))).toMatchObject({ status: 200 });
    expect(upstream.received).not.toMatch(/x-bad|injected/i);
    expect(seen(upstream).at(-1)).toBe(GOOD);
    await proxy.ledger();
  });

  it("L14: other trailers are dropped for HTTP/1.1, and never become fields", async () => {
    const { upstream, client } = await stand();
    const stream = client.open(request("POST"), { end: false });
    client.data(stream, "hello", { end: false });
    client.trailers(stream, [
      ["x-forwarded-for", "9.9.9.9"],
      ["authorization", "x"],
    ]);
    expect(await client.over(stream)).toMatchObject({ status: 200 });
    expect(seen(upstream)).toEqual([
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${ours()}5\r\nhello\r\n0\r\n\r\n`,
    ]);
  });

  it("no HTTP/2 without TLS where the app does not ask for it (A7)", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port]);
    const { wire } = await RawHttp2Client.connect(proxy.port);
    await wire.gone();
    expect(wire.received).toMatch(/^HTTP\/1\.1 (400|505) /);
    expect(upstream.received).toBe("");
  });
});
