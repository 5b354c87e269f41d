import { Agent, createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { readMessage, statusOf, type Message } from "../../../support/wire/message.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { turn } from "../../../support/wire/vectors.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

/** The same cases in every run; to hunt for others: `WIRE_SEED=$RANDOM WIRE_RUNS=20 npx vitest run differential`. */
const SEED = Number(process.env.WIRE_SEED ?? 1);
const RUNS = Number(process.env.WIRE_RUNS ?? 1);

/** What an independent server understood. */
interface Understood {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

class Oracle {
  readonly port: number;
  readonly understood: Understood[] = [];
  /** Heads or bodies that it could not read. */
  errors = 0;
  /** Methods that node:http does not know; a proxy passes them on (RFC 9110 section 9.1), so that nothing can be compared. */
  unknownMethods = 0;

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port;
  }

  /** node:http, as strict as it comes. It answers every whole request with 200. */
  static async start(): Promise<Oracle> {
    const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const oracle = new Oracle(server);
    server.on("request", (request, response) => {
      oracle.#read(request, response);
    });
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue();
      oracle.#read(request, response);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      // The proxy breaking off what its client broke off is no misunderstanding.
      if (error.code === "HPE_INVALID_METHOD") oracle.unknownMethods += 1;
      else if (error.code !== "ECONNRESET" && error.code !== "HPE_INVALID_EOF_STATE") oracle.errors += 1;
      socket.destroy();
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return oracle;
  }

  #read(request: IncomingMessage, response: ServerResponse): void {
    const pieces: Buffer[] = [];
    request.on("data", (data: Buffer) => pieces.push(data));
    request.on("error", () => undefined);
    request.on("end", () => {
      const { method = "", url = "", rawHeaders } = request;
      const fields: string[] = [];
      for (let at = 0; at < rawHeaders.length; at += 2) fields.push(`${rawHeaders[at]!}: ${rawHeaders[at + 1]!}`);
      this.understood.push({ method, target: url, fields, body: Buffer.concat(pieces).toString("latin1") });
      response.end("ok");
    });
  }
}

/** Every field that the proxy reads, replaces or takes out, in any spelling with `-` or `_`. */
const HANDLED =
  /^(?:host|content[-_]length|transfer[-_]encoding|connection|upgrade|expect|te|trailer|keep-alive|proxy-connection|proxy|http2-settings|forwarded|x[-_]forwarded[-_](?:for|proto|host|port)|x_forwarded_[a-z]+|x[-_]request[-_]id):/i;
const LENGTH_OR_CODING = /^(?:content-length|transfer-encoding):/i;

const oneOf = (characters: string): fc.Arbitrary<string> => fc.constantFrom(...characters.match(/[^]/g)!);
const token = fc.string({ unit: oneOf("abcXYZ019!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 8 });
const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const value = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: oneOf('abc 019\t;,="()\x80\xa0\xff'), maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: anyByte, maxLength: 6 }) },
);
const target = fc.oneof(
  fc.string({ unit: oneOf('ab/.?%2=&;:@!~"<>\\^`{|}[]'), maxLength: 12 }).map((path) => `/${path}`),
  fc.constantFrom("*", "http://h/x", "http://h?q", "https://h:8443", "/a#b", "//x", "h:80", ""),
);
const method = fc.oneof(
  fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"),
  fc.constantFrom("get", "HEAD", "GE T"),
);
const shaped = fc.constantFrom(
  "Content-Length: 5",
  "Content-Length: 05",
  "content-length:5",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length: 0",
  "Content-Length : 5",
  "Content_Length: 3",
  "Content-Length: 5\xa0",
  "Content-Length:\t5 ",
  "Transfer-Encoding: chunked",
  "transfer-encoding:chunked",
  "Transfer-Encoding: CHUNKED",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: \x0bchunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding:\r\n chunked",
  "Transfer_Encoding: chunked",
  "X: y\r\n\tz",
  "X: y\rContent-Length: 3",
  "X: y\nTransfer-Encoding: chunked",
  "Connection: close",
  "Connection: keep-alive, X-A",
  "Connection: content-length",
  "Connection: transfer-encoding, host",
  "X-A: b",
  "TE: trailers",
  "Expect: 100-continue",
  "Expect: x",
  "Host: b",
  "X-Forwarded-For: 1.1.1.1",
  "Cookie: a=b",
  "Upgrade: h2c",
  "Trailer: X-A",
  "Keep-Alive: 5",
  ": v",
  "NoColon",
  " X: y",
);
const line = fc.oneof(
  { weight: 3, arbitrary: shaped },
  { weight: 2, arbitrary: fc.tuple(token, value).map(([name, text]) => `X-${name}: ${text}`) },
);
const ending = fc.oneof(
  { weight: 30, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", "\n\r\n") },
);
const body = fc.oneof(
  fc.constantFrom(
    "",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    "0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
  ),
  fc
    .array(fc.string({ unit: anyByte, minLength: 1, maxLength: 20 }), { maxLength: 5 })
    .map((pieces) => `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("")}0\r\n\r\n`),
  fc.constant("0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n"),
  fc.constant("helloGET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n"),
);
const message = fc
  .tuple(
    method,
    target,
    fc.constantFrom("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0"),
    fc.array(fc.tuple(line, ending), { maxLength: 6 }),
    ending,
    body,
  )
  .map(
    ([verb, where, version, lines, first, rest]) =>
      `${verb} ${where} ${version}${first}Host: a\r\n${lines.map(([text, end]) => text + end).join("")}\r\n${rest}`,
  );
const harmless = fc.oneof(
  fc.constantFrom(
    "Connection: keep-alive, X-A",
    "X-A: b",
    "TE: trailers",
    "X-Forwarded-For: 1.1.1.1",
    "Cookie: a=b",
    "Upgrade: h2c",
    "Content_Length: 3",
  ),
  fc
    .tuple(token, fc.string({ unit: oneOf('abc 019\t;,="()\x80\xff'), maxLength: 12 }))
    .map(([name, text]) => `X-${name}: ${text}`),
);
const framed = fc.oneof(
  fc.constantFrom(
    ["", ""],
    ["Content-Length: 5\r\n", "hello"],
    ["Content-Length: 005\r\n", "hello"],
    ["Content-Length: 0\r\n", ""],
  ),
  fc
    .array(fc.string({ unit: anyByte, minLength: 1, maxLength: 30 }), { maxLength: 5 })
    .map((pieces) => [
      "Transfer-Encoding: chunked\r\n",
      `${pieces.map((piece) => `${piece.length.toString(16)};e=1\r\n${piece}\r\n`).join("")}0\r\nX-T: 1\r\n\r\n`,
    ]),
);
/** Nothing is wrong with it; mostly. */
const sound = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"),
    fc.constantFrom("/", "/a?b=%zz", "//x/../y", "http://h/x"),
    fc.array(harmless, { maxLength: 4 }),
    framed,
  )
  .map(
    ([verb, where, lines, [framing = "", rest = ""]]) =>
      `${verb} ${where} HTTP/1.1\r\nHost: a\r\n${lines.map((text) => `${text}\r\n`).join("")}${framing}\r\n${rest}`,
  );
const several = fc.array(sound, { minLength: 1, maxLength: 3 }).map((texts) => texts.join(""));
/** A byte in some place is another one, or gone, or twice there. */
const mutated = fc
  .tuple(fc.oneof(message, several), fc.nat(), fc.oneof(anyByte, fc.constantFrom("", "\r", "\n", " ", "\t", ":", "\x00")))
  .map(([text, at, byte]) => text.slice(0, at % text.length) + byte + text.slice((at % text.length) + (at % 2)));
const input = fc.oneof({ weight: 2, arbitrary: message }, { weight: 2, arbitrary: several }, { weight: 3, arbitrary: mutated });

/** Sends it in two parts and ends the client's side: every whole answer that comes, in order, until the connection ends. */
async function statusesOf(proxy: WireProxy, text: string, cut: number): Promise<number[]> {
  const client = await connectRaw(proxy.port);
  client.send(text.slice(0, cut % text.length));
  await turn();
  client.send(text.slice(cut % text.length));
  client.fin();
  await client.gone();
  const statuses: number[] = [];
  for (let found = next(client.text); found !== null; found = next(client.text)) {
    if (statusOf(found) >= 200) statuses.push(statusOf(found));
    client.text = client.text.slice(found.raw.length);
  }
  client.socket.destroy();
  return statuses;
}

function next(text: string): Message | null {
  if (text === "") return null;
  const status = Number(text.slice(9, 12));
  const declared = /^[^]*?\r\n\r\n/.exec(text)?.[0] ?? "";
  // An answer to HEAD announces a body that does not come.
  const headless = text.length === declared.length || text.startsWith("HTTP/1.1", declared.length);
  return readMessage(text, status < 200 || headless ? "bodyless" : "response", true);
}

describe("what the proxy accepts, an independent server behind it understands in the same way", () => {
  it("requests", { timeout: 60_000 * RUNS }, async () => {
    const oracle = await Oracle.start();
    const direct = await Oracle.start();
    const proxy = await WireProxy.start([oracle.port]);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(input, fc.nat(), async (text, cut) => {
        oracle.understood.length = 0;
        const { errors, unknownMethods } = oracle;
        const statuses = await statusesOf(proxy, text, cut);
        fc.pre(oracle.unknownMethods === unknownMethods);
        expect(oracle.errors, "the server could read all of it").toBe(errors);
        const served = statuses.filter((status) => status === 200).length;
        expect(statuses.filter((status) => status >= 500 && status !== 501 && status !== 505)).toEqual([]);
        expect(oracle.understood).toHaveLength(served);
        accepted += served;
        for (const one of oracle.understood) {
          expect(one.fields.filter((field) => LENGTH_OR_CODING.test(field)).length).toBeLessThanOrEqual(1);
          for (const name of ["host", "x-forwarded-for", "x-request-id"])
            expect(one.fields.filter((field) => field.toLowerCase().startsWith(`${name}:`))).toHaveLength(1);
        }
        await compare(direct, oracle.understood, text);
      }),
      { numRuns: 1_200 * RUNS, seed: SEED },
    );
    // The generator must not degenerate into refusals only.
    expect(accepted).toBeGreaterThan(400);
  });
});

/** The same bytes, straight to another such server: it must understand the same requests (less what is for the hop, plus what is ours). */
async function compare(direct: Oracle, understood: readonly Understood[], text: string): Promise<void> {
  if (understood.length === 0) return;
  direct.understood.length = 0;
  const client = await connectRaw(direct.port);
  client.send(text);
  client.fin();
  await client.gone();
  client.socket.destroy();
  const named = new Set(
    direct.understood
      .flatMap(({ fields }) =>
        fields.filter((field) => /^connection:/i.test(field)).flatMap((field) => field.slice(11).split(",")),
      )
      .map((name) => name.trim().toLowerCase()),
  );
  for (const [index, one] of understood.entries()) {
    const same = direct.understood[index];
    expect(same, "node:http refuses what the proxy let through").toBeDefined();
    expect(one.method).toBe(same!.method);
    expect(one.body).toBe(same!.body);
    if (same!.target.startsWith("/")) expect(one.target).toBe(same!.target);
    const endToEnd = (fields: readonly string[]): string[] =>
      fields
        .filter((field) => !HANDLED.test(field) && !named.has(field.slice(0, field.indexOf(":")).toLowerCase()))
        .map((field) => field.trim());
    expect(endToEnd(one.fields)).toEqual(endToEnd(same!.fields));
  }
}

const responseLine = fc.oneof(
  fc.constantFrom(
    "Content-Length: 5",
    "content-length: 05",
    "Content-Length : 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Set-Cookie: a",
    "X: y\r\n z",
    "Connection: close",
    "Connection: X-A",
    "X-A: 1",
    "Keep-Alive: timeout=5",
    "Trailer: X-T",
    "Content-Length: 5\xa0",
    "Date: x",
  ),
  fc.tuple(token, value).map(([name, text]) => `X-${name}: ${text}`),
);
const response = fc
  .tuple(
    fc.constantFrom(
      "HTTP/1.1 200 OK",
      "HTTP/1.1 404 ",
      "HTTP/1.0 200 OK",
      "HTTP/1.1 204 No Content",
      "HTTP/1.1 200",
      "HTTP/1.1 2000 X",
    ),
    fc.array(responseLine, { maxLength: 5 }),
    body,
  )
  .map(([status, lines, rest]) => `${status}\r\n${lines.map((text) => `${text}\r\n`).join("")}\r\n${rest}`);

interface Seen {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
}

/** What node:http makes of the answer on a port, or null when it finds it broken. */
function fetchRaw(port: number, agent: Agent): Promise<Seen | null> {
  return new Promise((resolve) => {
    const call = ask({ host: "127.0.0.1", port, agent }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (data: Buffer) => pieces.push(data));
      answer.on("error", () => {
        resolve(null);
      });
      answer.on("end", () => {
        const fields: string[] = [];
        for (let at = 0; at < answer.rawHeaders.length; at += 2)
          fields.push(`${answer.rawHeaders[at]!}: ${answer.rawHeaders[at + 1]!}`);
        resolve(
          answer.complete ? { status: answer.statusCode ?? 0, fields, body: Buffer.concat(pieces).toString("latin1") } : null,
        );
      });
    });
    call.on("error", () => {
      resolve(null);
    });
    call.end();
  });
}

describe("what the proxy passes on of an answer, an independent client understands as it was sent", () => {
  it("responses", { timeout: 60_000 * RUNS }, async () => {
    let bytes = "";
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send(bytes);
      peer.fin();
    });
    const proxy = await WireProxy.start([upstream.port]);
    const agent = new Agent({ keepAlive: false });
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(response, async (text) => {
        // Two equal lengths are one for the proxy (RFC 9110 section 8.6) and an error for node:http.
        fc.pre((text.match(/\r\ncontent-length/gi)?.length ?? 0) < 2);
        bytes = text;
        const through = await fetchRaw(proxy.port, agent);
        // White space before a colon the proxy takes out, as it must; node:http refuses it.
        bytes = text.replace(" :", ":");
        const { length } = bytes;
        // What is more than the answer the proxy throws away and node:http takes for an error: less and less of it.
        let direct = await fetchRaw(upstream.port, agent);
        for (let end = length - 1; direct === null && through !== null && end > text.indexOf("\r\n\r\n"); end -= 1) {
          bytes = bytes.slice(0, end);
          direct = await fetchRaw(upstream.port, agent);
        }
        // Null: the proxy broke off because the application's answer was not whole.
        if (through === null || through.status === 502) return;
        passed += 1;
        expect(direct, "node:http refuses what the proxy passed on").not.toBeNull();
        expect(through.status).toBe(direct!.status);
        expect(through.body).toBe(direct!.body);
        expect(through.fields.filter((field) => LENGTH_OR_CODING.test(field)).length).toBeLessThanOrEqual(1);
        const ofTheHop = /^(?:content-length|transfer-encoding|connection|keep-alive|trailer|date|x-a):/i;
        const endToEnd = (fields: readonly string[]): string[] =>
          fields.filter((field) => !ofTheHop.test(field)).map((field) => field.trim());
        expect(endToEnd(through.fields)).toEqual(endToEnd(direct!.fields));
      }),
      { numRuns: 400 * RUNS, seed: SEED },
    );
    expect(passed).toBeGreaterThan(50);
  });
});
