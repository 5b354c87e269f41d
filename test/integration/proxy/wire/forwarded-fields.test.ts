import { describe, expect, it } from "vitest";
import { DEFAULT_FORWARDING, type ForwardingSpec } from "../../../../src/core/forwarding.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { everyWay, ours, type Vector } from "../../../support/wire/vectors.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

interface Case {
  readonly name: string;
  readonly lines: string;
  /** What of them the application sees; empty where absent. */
  readonly kept?: string;
  /** What the proxy itself says before the forwarded fields. */
  readonly hop?: string;
  readonly closes?: true;
  readonly version?: "1.0";
}

const CASES: readonly Case[] = [
  {
    name: "F1: what Connection names is for this hop",
    lines: "Connection: x, close\r\nX: 1\r\nY: 2\r\nx: 3\r\n",
    kept: "Y: 2\r\n",
    closes: true,
  },
  {
    name: "F1: Connection in several fields",
    lines: "X: 1\r\nConnection: keep-alive\r\nConnection:X\r\nY: 2\r\n",
    kept: "Y: 2\r\n",
  },
  {
    name: "F1: a name that is part of another one",
    lines: "Connection: x\r\nX-Y: 1\r\nY-X: 2\r\n",
    kept: "X-Y: 1\r\nY-X: 2\r\n",
  },
  { name: "F1: a name with signs of a pattern", lines: "Connection: x.*\r\nX.*: 1\r\nXYZ: 2\r\n", kept: "XYZ: 2\r\n" },
  ...["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-ID", "Host"].map((name) => ({
    name: `F2: Connection: ${name} does not take out what the proxy sets`,
    lines: `Connection: ${name}\r\n`,
  })),
  ...["Authorization", "Cookie", "Content-Type"].map((name) => ({
    name: `F2: Connection: ${name} has no effect`,
    lines: `Connection: ${name}\r\n${name}: v\r\n`,
    kept: `${name}: v\r\n`,
  })),
  { name: "F3: Keep-Alive", lines: "Keep-Alive: timeout=5\r\n" },
  { name: "F3: Proxy-Connection", lines: "Proxy-Connection: keep-alive\r\n" },
  { name: "F3: Trailer", lines: "Trailer: X\r\n" },
  { name: "F3: Upgrade without Connection (H10)", lines: "Upgrade: websocket\r\n" },
  {
    name: "F3: Proxy-Authorization is end to end for us",
    lines: "Proxy-Authorization: x\r\n",
    kept: "Proxy-Authorization: x\r\n",
  },
  {
    name: "F4: TE: trailers, gzip",
    lines: "TE: trailers, gzip\r\nConnection: TE\r\n",
    hop: "TE: trailers\r\nConnection: TE\r\n",
  },
  { name: "F4: TE: gzip", lines: "TE: gzip\r\nConnection: TE\r\n" },
  { name: "F4: TE: trailers;q=0.5", lines: "TE: trailers;q=0.5\r\nConnection: TE\r\n" },
  {
    name: "F5, F7: whatever comes as X-Forwarded-* is replaced",
    lines:
      "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-FORWARDED-HOST: evil\r\nX-Forwarded-Port: 1\r\n",
  },
  { name: "F6: Forwarded", lines: "Forwarded: for=1.1.1.1\r\nforwarded: for=2.2.2.2\r\n" },
  { name: "F15: several Cookie fields", lines: "Cookie: a=1\r\nCookie: b=2\r\n", kept: "Cookie: a=1\r\nCookie: b=2\r\n" },
  { name: "H3: an expectation in HTTP/1.0 is ignored", lines: "Connection: keep-alive\r\nExpect: 200-ok\r\n", version: "1.0" },
  { name: "H9: h2c", lines: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" },
  { name: "H9: h2c among others", lines: "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" },
  { name: "H10: an upgrade in HTTP/1.0", lines: "Connection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n", version: "1.0" },
];

const REFUSED: readonly Vector[] = ["y 100-continue", "200-ok", "100-continue, x", ""].map((value) => ({
  name: `H3: Expect: ${value}`,
  send: `GET / HTTP/1.1\r\nHost: a\r\nExpect: ${value}\r\n\r\n`,
  status: 417,
}));

describe("F: forwarded fields", () => {
  it.each(CASES)("$name", ({ name, lines, kept = "", hop = "", closes, version = "1.1" }) =>
    everyWay({
      name,
      send: `GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`,
      status: 200,
      seen: `GET / HTTP/1.1\r\nHost: a\r\n${kept}${hop}${ours()}`,
      ...(closes === true ? { closes } : {}),
    }),
  );
  it.each(REFUSED)("$name", (vector) => everyWay(vector));

  it("H10: POST with an upgrade is no upgrade", () =>
    everyWay({
      name: "",
      send: "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
      status: 200,
      seen: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n${ours()}x`,
    }));

  it("F11: a request id comes from us, whatever the client sends", async () => {
    const { seen } = await sentFrom({});
    const ids = [await seen("X-Request-ID: abc-123\r\n"), await seen("")].map((head) => valueOf(head, "X-Request-ID"));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{20}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("F8: Via says how the request came to us, and how the answer did", async () => {
    const { seen, answered } = await sentFrom({ via: "edge" });
    expect(await seen("Via: 1.1 cdn\r\n")).toContain("\r\nVia: 1.1 cdn\r\n");
    expect(await seen("Via: 1.1 cdn\r\n")).toContain("\r\nVia: 1.1 edge\r\n");
    expect(await seen("Connection: keep-alive\r\n", "1.0")).toContain("\r\nVia: 1.0 edge\r\n");
    expect(answered()).toContain("\r\nVia: 1.1 edge\r\n");
  });

  it("F6: Forwarded, where it is wanted", async () => {
    const { seen } = await sentFrom({ forwarded: true });
    expect(valueOf(await seen("Forwarded: for=9.9.9.9\r\n"), "Forwarded")).toBe('for=127.0.0.1;host="a";proto=http');
  });

  it("another field for the request's id", async () => {
    const { seen } = await sentFrom({ requestId: "X-Trace" });
    const head = await seen("x-trace: mine\r\nX-Trace: other\r\nX-Request-ID: mine\r\n");
    expect(valueOf(head, "X-Trace")).toMatch(/^[0-9a-f]{20}$/);
    expect(head).not.toMatch(/mine|other/);
  });
});

describe("F5–F7: from a trusted proxy", () => {
  const trustedProxies = ["10.0.0.0/8", "127.0.0.1"];

  it("what it says is kept, and it is added to the chain", async () => {
    const { seen } = await sentFrom({ trustedProxies });
    const head = await seen(
      "X-Forwarded-For: 9.9.9.9\r\nx-forwarded-for: 10.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Port: 8443\r\nForwarded: for=9.9.9.9\r\nX-Request-ID: abc-123\r\n",
    );
    expect(valueOf(head, "X-Forwarded-For")).toBe("9.9.9.9, 10.1.1.1, 127.0.0.1");
    expect(valueOf(head, "X-Forwarded-Proto")).toBe("https");
    expect(valueOf(head, "X-Forwarded-Host")).toBe("shop.example");
    expect(valueOf(head, "X-Forwarded-Port")).toBe("8443");
    expect(valueOf(head, "Forwarded")).toBe('for=9.9.9.9, for=127.0.0.1;host="a";proto=http');
    expect(valueOf(head, "X-Request-ID")).toBe("abc-123");
  });

  it("what it does not say, or what cannot be understood, is ours", async () => {
    const { seen } = await sentFrom({ trustedProxies });
    const head = await seen("X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a b\r\nX-Forwarded-Port: x\r\n");
    expect(head).toMatch(
      /X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: 80\r\n/,
    );
    expect(head).not.toContain("\r\nForwarded:");
  });

  it.each(["", "a b", "x".repeat(129), "\xe9"])("F12: a request id that does not fit is replaced: %j", async (id) => {
    const { seen } = await sentFrom({ trustedProxies });
    expect(valueOf(await seen(`X-Request-ID: ${id}\r\n`), "X-Request-ID")).toMatch(/^[0-9a-f]{20}$/);
  });

  it("another address is not believed", async () => {
    const { seen } = await sentFrom({ trustedProxies: ["10.0.0.0/8"], requestId: "X-Trace" });
    const head = await seen("X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=9.9.9.9\r\nX-Trace: a\r\n");
    expect(valueOf(head, "X-Forwarded-For")).toBe("127.0.0.1");
    expect(valueOf(head, "X-Forwarded-Proto")).toBe("http");
    expect(head).not.toContain("\r\nForwarded:");
    expect(valueOf(head, "X-Trace")).not.toBe("a");
  });
});

/** A proxy with these settings: `seen` gives the head that the application gets for some lines of a client. */
async function sentFrom(spec: Partial<ForwardingSpec>) {
  const upstream = await startAnswering();
  const forwarding = { ...DEFAULT_FORWARDING, via: null, ...spec };
  const proxy = await WireProxy.start([upstream.port], { proxy: { forwarding } });
  let answer = "";
  const seen = async (lines: string, version = "1.1"): Promise<string> => {
    const client = await connectRaw(proxy.port);
    client.send(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`);
    answer = (await client.answer()).raw;
    return upstream.requests.at(-1)?.raw ?? "";
  };
  return { seen, answered: () => answer };
}

/** The value of a field that must be there exactly once. */
function valueOf(head: string, name: string): string {
  const values = [...head.matchAll(new RegExp(`\\r\\n${name}: ([^\\r]*)`, "gi"))].map(([, value = ""]) => value);
  expect(values, name).toHaveLength(1);
  return values[0] ?? "";
}
