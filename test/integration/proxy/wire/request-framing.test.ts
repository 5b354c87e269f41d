import { describe, it } from "vitest";
import { everyWay, ours, type Vector } from "../../../support/wire/vectors.ts";

const request = (lines: string, body = "", method = "POST"): string => `${method} / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;
const refused = (name: string, lines: string, status = 400, body = "hello"): Vector => ({
  name,
  send: request(lines, body),
  status,
});
const seen = (framing: string, body: string, method = "POST"): string =>
  `${method} / HTTP/1.1\r\nHost: a\r\n${framing}${ours()}${body}`;

const CHUNKED = "Transfer-Encoding: chunked\r\n";

const HELLO = seen(CHUNKED, "5\r\nhello\r\n0\r\n\r\n");
const HELLO_GET = seen(CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "GET");

const LENGTHS: readonly Vector[] = [
  refused("D1: both", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
  refused("D1: both, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
  refused("D2: two different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
  refused("D2: two equal lengths", "Content-Length: 5\r\ncontent-length: 5\r\n"),
  refused("D2: a list of different lengths", "Content-Length: 5, 10\r\n"),
  refused("D2: a list of equal lengths", "Content-Length: 5, 5\r\n"),
  ...[
    "+5",
    "-1",
    "-0",
    "0x5",
    "1_0",
    "1 0",
    "5Z",
    "0o5",
    "",
    "\xa05",
    "5\xa0",
    "5\x85",
    "5.0",
    "5e0",
    "99999999999999999999",
    "9007199254740992",
  ].map((value) => refused(`D3: Content-Length ${JSON.stringify(value)}`, `Content-Length: ${value}\r\n`)),
  {
    name: "D4: leading zeros are decimal",
    send: request("Content-Length: 010\r\n", "0123456789"),
    status: 200,
    seen: seen("Content-Length: 10\r\n", "0123456789"),
  },
  {
    name: "B8: white space around a length",
    send: request("Content-Length:\t 5 \t\r\n", "hello"),
    status: 200,
    seen: seen("Content-Length: 5\r\n", "hello"),
  },
  { name: "D7: POST without a length", send: request(""), status: 200, seen: seen("Content-Length: 0\r\n", "") },
  ...["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "FOO"].map((method) => ({
    name: `D8: ${method} with a body`,
    send: request("Content-Length: 5\r\n", "hello", method),
    method,
    status: 200,
    seen: seen("Content-Length: 5\r\n", "hello", method),
  })),
  { name: "D8: GET with a chunked body", send: request(CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "GET"), status: 200, seen: HELLO_GET },
];

const CODINGS = [
  "xchunked",
  "chunked, gzip",
  "gzip, chunked",
  "chunked, chunked",
  "chunked;a=b",
  ",chunked",
  "chunked,",
  "",
  "\x0bchunked",
  '"chunked"',
  "chunked\xa0",
  "\xa0chunked",
  "chunked chunked",
  "chun ked",
  "chunke\xe4",
];

const TRANSFER: readonly Vector[] = [
  ...CODINGS.map((value) => refused(`D5: Transfer-Encoding ${JSON.stringify(value)}`, `Transfer-Encoding: ${value}\r\n`)),
  ...["gzip", "identity", "deflate, br"].map((value) =>
    refused(`D5: Transfer-Encoding ${value}`, `Transfer-Encoding: ${value}\r\n`, 501),
  ),
  refused("D5: two Transfer-Encoding fields", `${CHUNKED}transfer-encoding: chunked\r\n`),
  {
    name: "D5: the case of chunked does not matter",
    send: request("transfer-ENCODING: ChunKed\r\n", "0\r\n\r\n"),
    status: 200,
    seen: seen(CHUNKED, "0\r\n\r\n"),
  },
  { name: "D6: Transfer-Encoding in HTTP/1.0", send: `POST / HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\n0\r\n\r\n`, status: 400 },
];

const broken = (name: string, body: string): Vector => ({ name, send: request(CHUNKED, body), status: 400, breaksOff: true });
const reframed = (name: string, body: string): Vector => ({ name, send: request(CHUNKED, body), status: 200, seen: HELLO });

const CHUNKS: readonly Vector[] = [
  ...["0x5", "+5", "-1", "1_0", " 5", "5 ", "5\t", "", "FFFFFFFFFFFFFFFF1", "5\x00", "\xb5", "5,5", "G"].map((size) =>
    broken(`D10: chunk size ${JSON.stringify(size)}`, `${size}\r\nhello\r\n0\r\n\r\n`),
  ),
  broken("D11: a bare LF after the size", "5\nhello\r\n0\r\n\r\n"),
  broken("D11: a bare CR after the size", "5\rhello\r\n0\r\n\r\n"),
  broken("D11: CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n"),
  broken("D11: a bare LF after the data", "5\r\nhello\n0\r\n\r\n"),
  broken("D11: a bare CR after the data", "5\r\nhello\r0\r\n\r\n"),
  broken("D11: nothing after the data", "5\r\nhello0\r\n\r\n"),
  broken("D11: more data than the size says", "5\r\nhello, world"),
  broken("D11: less data than the size says", "7\r\nhello\r\n0\r\n\r\n"),
  broken("D11: a bare LF after the last chunk", "5\r\nhello\r\n0\n\r\n"),
  broken("D11: a bare LF at the very end", "5\r\nhello\r\n0\r\n\n"),
  broken("D12: a control in an extension", "5;a=\x01\r\nhello\r\n0\r\n\r\n"),
  broken("D12: a NUL in an extension", "5;\x00\r\nhello\r\n0\r\n\r\n"),
  broken("D12: a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
  broken("D12: a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
  broken("D12: an extension that is no token", "5;@\r\nhello\r\n0\r\n\r\n"),
  broken("D12: an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"),
  broken("D12: white space before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n"),
  broken("D12: white space within an extension", "5; a=b\r\nhello\r\n0\r\n\r\n"),
  broken("D12: a quoted string that does not end", '5;a="b\r\nhello\r\n0\r\n\r\n'),
  broken("D12, K6: extensions over the limit", `5;a=${"b".repeat(17_000)}\r\nhello\r\n0\r\n\r\n`),
  broken("D12, K6: extensions over the limit in many chunks", `1;a=${"b".repeat(1_000)}\r\nx\r\n`.repeat(18)),
  broken("D15: a trailer without a colon", "0\r\nNoColon\r\n\r\n"),
  broken("D15: a trailer with a space before its colon", "0\r\nX : 1\r\n\r\n"),
  broken("D15: a bare LF after a trailer", "0\r\nX: 1\n\r\n"),
  broken("D15: a folded trailer", "0\r\nX: 1\r\n y\r\n\r\n"),
  broken("D14: trailers over the limit", `0\r\n${`X: ${"y".repeat(900)}\r\n`.repeat(10)}\r\n`),
  reframed("D12: valid extensions are dropped", '5;n=v;q="a\\"b";z\r\nhello\r\n0;last\r\n\r\n'),
  reframed("D13: many small chunks", "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n"),
  reframed("D13: leading zeros and capital digits", "0005\r\nhello\r\n000\r\n\r\n"),
  ...["Content-Length: 5", "Host: evil", "Transfer-Encoding: gzip", "Authorization: x", "X-Forwarded-For: 1.1.1.1", "X: 1"].map(
    (line) => reframed(`D14: the trailer ${line} goes no further`, `5\r\nhello\r\n0\r\n${line}\r\n\r\n`),
  ),
];

describe("D: request framing", () => {
  it.each([...LENGTHS, ...TRANSFER, ...CHUNKS])("$name", (vector) => everyWay(vector));
});
