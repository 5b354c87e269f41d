import { describe, it } from "vitest";
import { everyWay, ours, type Vector } from "../../../support/wire/vectors.ts";

const refused = (name: string, lines: string, status = 400): Vector => ({
  name,
  send: `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`,
  status,
});
const passed = (name: string, lines: string, kept = lines): Vector => ({
  name,
  send: `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`,
  status: 200,
  seen: `GET / HTTP/1.1\r\nHost: a\r\n${kept}${ours()}`,
});
const numbered = (count: number): string => Array.from({ length: count }, (_, index) => `X-${index}: v\r\n`).join("");

const SYNTAX: readonly Vector[] = [
  refused("B1: a space before the colon", "X : v\r\n"),
  refused("B1: a tab before the colon", "X\t: v\r\n"),
  refused("B1: a space before the colon of Transfer-Encoding", "Transfer-Encoding : chunked\r\n"),
  refused("B2: an obs-fold", "X: v\r\n w\r\n"),
  refused("B2: an obs-fold with a tab", "X: v\r\n\tw\r\n"),
  refused("B2: Transfer-Encoding hidden in an obs-fold", "X: v\r\n Transfer-Encoding: chunked\r\n"),
  refused("B2: a folded Transfer-Encoding", "Transfer-Encoding:\r\n chunked\r\n"),
  { name: "B3: white space before the first field", send: "GET / HTTP/1.1\r\n Host: a\r\n\r\n", status: 400 },
  { name: "B3: an empty-looking first line", send: "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", status: 400 },
  refused("B4: an empty name", ": v\r\n"),
  refused("B4: no colon", "NoColon\r\n"),
  refused("B4: Content-Length without a colon", "Content-Length 10\r\n"),
  ...["\x80", "\x85", "\xa0", "\xff", "[", "@", "\x00", "(", '"', "{", "\x7f"].map((character) =>
    refused(`B5: ${JSON.stringify(character)} in a name`, `X${character}Y: v\r\n`),
  ),
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))
    .filter((character) => !"\t\n\r".includes(character))
    .map((character) => refused(`B6: ${JSON.stringify(character)} in a value`, `X: v${character}w\r\n`)),
  refused("B6: DEL in a value", "X: v\x7fw\r\n"),
  refused("B6: a bare CR in a value", "X: v\rw\r\n"),
  refused("B6: a bare LF in a value", "X: v\nY: w\r\n"),
  refused("B11: CRLF CR does not end the head", "X: v\r\n\rY: w\r\n"),
];

const PASSED: readonly Vector[] = [
  passed(
    "B7: obs-text in a value, byte for byte",
    `X: ${Array.from({ length: 128 }, (_, at) => String.fromCharCode(128 + at)).join("")}\r\n`,
  ),
  refused("B7: obs-text in Host", "X-Y: 1\r\nHost: \xe9\r\n"),
  passed("B8: white space around a value is left to the reader", "X: \t v \t\r\nY:\r\nZ:  \r\n"),
  passed("B9: order, repetition and case of fields", "x-a: 1\r\nX-B: 2\r\nX-a: 3\r\nCookie: a=1\r\nCOOKIE: b=2\r\n"),
  passed("B10: unknown fields", "X-Anything: y\r\nA!#$%&'*+-.^_`|~1: z\r\nSec-WebSocket-Key: k\r\n"),
  ...["Transfer_Encoding: chunked", "Content_Length: 5", "X_Forwarded_For: 1.2.3.4", "X_Forwarded_Proto: https"].map((line) =>
    passed(`B12: ${line} goes no further`, `${line}\r\nX: 1\r\n`, "X: 1\r\n"),
  ),
  ...["X-Forwarded_For: 1.2.3.4", "X_Forwarded-For: 1.2.3.4", "x_request_id: abc"].map((line) =>
    passed(`B12: ${line}, half a twin, goes no further`, `${line}\r\n`, ""),
  ),
  passed("B13: Proxy goes no further (httpoxy)", "Proxy: http://evil/\r\nX: 1\r\n", "X: 1\r\n"),
  refused("B14: more fields than allowed", numbered(128), 431),
  passed("B14: as many fields as allowed", numbered(127)),
  refused("B14: a head over the limit", `X: ${"a".repeat(33_000)}\r\n`, 431),
  {
    name: "B14: a head over the limit that never ends",
    send: `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(33_000)}`,
    status: 431,
  },
];

describe("B: header fields", () => {
  it.each([...SYNTAX, ...PASSED])("$name", (vector) => everyWay(vector));
});

const host = (name: string, value: string, status = 400): Vector => ({
  name,
  send: `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`,
  status,
  ...(status === 200 ? { seen: `GET / HTTP/1.1\r\nHost: ${value}\r\n${ours(value)}` } : {}),
});

const HOSTS: readonly Vector[] = [
  { name: "C1: HTTP/1.1 without Host", send: "GET / HTTP/1.1\r\nX: 1\r\n\r\n", status: 400 },
  {
    name: "C1: HTTP/1.0 without Host",
    send: "GET / HTTP/1.0\r\n\r\n",
    status: 200,
    closes: true,
    seen: `GET / HTTP/1.1\r\nHost: localhost\r\n${ours("localhost")}`,
  },
  refused("C2: two Host fields", "Host: b\r\n"),
  refused("C2: two Host fields of the same value", "hOST: a\r\n"),
  ...["u@a", "a/path", "a, b", "a b", "a:99999", "a:x", "[::1", "", "a,b", "a?b", "a#b", "a\\b", "[::1]x", "[z]", "a\xa0"].map(
    (value) => host(`C3: Host ${JSON.stringify(value)}`, value),
  ),
  ...["A.Example", "a.example.", "a:8080", "127.0.0.1:80", "[::1]", "[fe80::1]:8080", "xn--bcher-kva.example", "a_b"].map(
    (value) => host(`C4, C7: Host ${value} goes on as it came`, value, 200),
  ),
];

describe("C: Host", () => {
  it.each(HOSTS)("$name", (vector) => everyWay(vector));
});
