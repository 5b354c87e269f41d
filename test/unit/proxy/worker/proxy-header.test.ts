import { describe, expect, it } from "vitest";
import { readProxyHeader } from "../../../../src/proxy/worker/proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const v2 = (command: number, family: number, payload: readonly number[]): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.from([command, family, payload.length >> 8, payload.length & 0xff, ...payload])]);
const IPV4 = [9, 8, 7, 6, 127, 0, 0, 1, 0x1f, 0x90, 0, 80];
const IPV6 = [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 1, ...Array<number>(15).fill(0), 1, 0x1f, 0x90, 0, 80];
const TLV = [0x04, 0, 3, 1, 2, 3];

const VALID: readonly (readonly [string, Buffer | string, string | null])[] = [
  ["v1 TCP4", "PROXY TCP4 9.8.7.6 127.0.0.1 8080 80\r\n", "9.8.7.6"],
  ["v1 TCP6", "PROXY TCP6 2001:db8::1 ::1 8080 0\r\n", "2001:db8::1"],
  ["v1 UNKNOWN", "PROXY UNKNOWN\r\n", null],
  ["v1 UNKNOWN with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", null],
  ["v2 IPv4", v2(0x21, 0x11, IPV4), "9.8.7.6"],
  ["v2 IPv6", v2(0x21, 0x21, IPV6), "2001:db8::1"],
  ["v2 with TLVs", v2(0x21, 0x11, [...IPV4, ...TLV]), "9.8.7.6"],
  ["v2 LOCAL", v2(0x20, 0, []), null],
  ["v2 LOCAL with what means nothing", v2(0x20, 0x11, [1, 2, 3]), null],
  ["v2 unspecified", v2(0x21, 0, [1, 2]), null],
  ["v2 unix socket", v2(0x21, 0x31, Array<number>(216).fill(0)), null],
];

const INVALID: readonly (readonly [string, Buffer | string])[] = [
  ["HTTP", "GET / HTTP/1.1\r\n"],
  ["TLS", Buffer.from([0x16, 3, 1, 0])],
  ["an empty line", "\r\nGET / HTTP/1.1\r\n"],
  ["small letters", "proxy TCP4 9.8.7.6 127.0.0.1 1 2\r\n"],
  ["v1 with a bare LF", "PROXY TCP4 9.8.7.6 127.0.0.1 1 2\n"],
  ["v1 with two spaces", "PROXY TCP4  9.8.7.6 127.0.0.1 1 2\r\n"],
  ["v1 of another family", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["v1 with a bad address", "PROXY TCP4 9.8.7.256 127.0.0.1 1 2\r\n"],
  ["v1 with a port too high", "PROXY TCP4 9.8.7.6 127.0.0.1 65536 2\r\n"],
  ["v1 with a leading zero", "PROXY TCP4 9.8.7.6 127.0.0.1 01 2\r\n"],
  ["v1 UDP", "PROXY UDP4 9.8.7.6 127.0.0.1 1 2\r\n"],
  ["v1 without an end", `PROXY UNKNOWN ${"x".repeat(100)}`],
  ["v2 of another version", v2(0x11, 0x11, IPV4)],
  ["v2 with an unknown command", v2(0x22, 0x11, IPV4)],
  ["v2 UDP", v2(0x21, 0x12, IPV4)],
  ["v2 too short for its addresses", v2(0x21, 0x11, IPV4.slice(1))],
  ["v2 too long", Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
];

describe("readProxyHeader", () => {
  it.each(VALID)("%s, whole and cut at every byte", (_, header, client) => {
    const data = Buffer.from(header as string, "latin1");
    for (let at = 0; at < data.length; at += 1) expect(readProxyHeader(data.subarray(0, at))).toBe("more");
    expect(readProxyHeader(data)).toMatchObject({
      bytes: data.length,
      ends: client === null ? null : { source: { address: client } },
    });
    expect(readProxyHeader(Buffer.concat([data, Buffer.from("GET")]))).toMatchObject({
      bytes: data.length,
      ends: client === null ? null : { source: { address: client } },
    });
  });

  it.each([v2(0x21, 0x11, IPV4), "PROXY TCP4 9.8.7.6 127.0.0.1 8080 80\r\n"])("says both ends", (header) => {
    expect(readProxyHeader(Buffer.from(header as string, "latin1"))).toMatchObject({
      ends: { source: { address: "9.8.7.6", port: 8080 }, destination: { address: "127.0.0.1", port: 80 } },
    });
  });

  it.each(INVALID)("refuses %s", (_, header) => {
    const data = Buffer.from(header as string, "latin1");
    const seen = Array.from({ length: data.length }, (__, at) => readProxyHeader(data.subarray(0, at + 1)));
    expect(seen.at(-1)).toBe("invalid");
    expect(seen.filter((result) => typeof result === "object")).toEqual([]);
  });
});
