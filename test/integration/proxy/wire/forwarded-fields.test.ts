import { describe, expect, it } from "vitest";
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

  it("F11, F12: a request id that fits is kept, every other gets a new one", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port]);
    for (const [sent, kept] of [
      ["abc-123", true],
      ["a b", false],
      ["", false],
      ["x".repeat(129), false],
      ["\xe9", false],
    ] as const) {
      const client = await connectRaw(proxy.port);
      client.send(`GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: ${sent}\r\n\r\n`);
      expect(await client.status()).toBe(200);
      const ids = upstream.requests.at(-1)!.raw.match(/(?<=X-Request-ID: )[^\r]*/g);
      expect(ids).toHaveLength(1);
      if (kept) expect(ids![0]).toBe(sent);
      else expect(ids![0]).toMatch(/^[0-9a-f]{20}$/);
    }
    const ids = upstream.requests.map(({ raw }) => /(?<=X-Request-ID: )[^\r]*/.exec(raw)![0]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
