import { describe, expect, it } from "vitest";
import { readMessage, statusOf, type Message } from "../../../support/wire/message.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream } from "../../../support/wire/scripted-upstream.ts";
import { turn } from "../../../support/wire/vectors.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

interface Answer {
  readonly name: string;
  /** The application's bytes. */
  readonly answer: string;
  /** The application ends its side after them, or resets the connection. */
  readonly then?: "fin" | "rst";
  /** `1.0` asks without keep-alive. */
  readonly version?: "1.0";
  readonly method?: string;
  /** Request fields besides Host. */
  readonly lines?: string;
  /** What the client sees: status line, fields (without Date and Connection) and body; or 502; or an answer that is evidently not whole. */
  readonly sees: readonly [line: string, fields: readonly string[], body: string] | 502 | "not whole";
  readonly trailers?: readonly string[];
  /** Interim answers before it. */
  readonly interim?: readonly string[];
  /** The application's connection may carry the next request. */
  readonly reused?: boolean;
  readonly closes?: boolean;
  /** There is more behind the answer: whoever gets the connection before that comes would get it too, so they ask one after the other. */
  readonly extra?: true;
}

const OK = "HTTP/1.1 200 OK";
const CHUNKED = "Transfer-Encoding: chunked";

const FRAMING: readonly Answer[] = [
  {
    name: "counted",
    answer: `${OK}\r\nContent-Length: 5\r\n\r\nhello`,
    sees: [OK, ["Content-Length: 5"], "hello"],
    reused: true,
  },
  { name: "empty", answer: `${OK}\r\nContent-Length: 0\r\n\r\n`, sees: [OK, ["Content-Length: 0"], ""], reused: true },
  {
    name: "chunked",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n`,
    sees: [OK, [CHUNKED], "hello"],
    reused: true,
  },
  { name: "G1: until the end, HTTP/1.0", answer: "HTTP/1.0 200 OK\r\n\r\nhello", then: "fin", sees: [OK, [CHUNKED], "hello"] },
  { name: "G1: until the end, HTTP/1.1", answer: `${OK}\r\n\r\nhello`, then: "fin", sees: [OK, [CHUNKED], "hello"] },
  { name: "G1: until the end, but reset", answer: `${OK}\r\n\r\nhello`, then: "rst", sees: "not whole" },
  {
    name: "G2: an HTTP/1.0 client gets no chunks",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    version: "1.0",
    sees: [OK, [], "hello"],
    closes: true,
    reused: true,
  },
  {
    name: "G2: an HTTP/1.0 client and no length",
    answer: "HTTP/1.0 200 OK\r\n\r\nhello",
    then: "fin",
    version: "1.0",
    sees: [OK, [], "hello"],
    closes: true,
  },
  {
    name: "G2: an HTTP/1.0 client that would keep the connection gets no chunks",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    version: "1.0",
    lines: "Connection: keep-alive\r\n",
    sees: [OK, [], "hello"],
    closes: true,
    reused: true,
  },
  {
    name: "I2: an HTTP/1.0 client keeps the connection when there is a length",
    answer: `${OK}\r\nContent-Length: 5\r\n\r\nhello`,
    version: "1.0",
    lines: "Connection: keep-alive\r\n",
    sees: [OK, ["Content-Length: 5"], "hello"],
    reused: true,
    closes: false,
  },
  {
    name: "G3: HEAD with a length",
    answer: `${OK}\r\nContent-Length: 500\r\n\r\n`,
    method: "HEAD",
    sees: [OK, ["Content-Length: 500"], ""],
    reused: true,
  },
  {
    name: "G3: HEAD that would be chunked",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n`,
    method: "HEAD",
    sees: [OK, [], ""],
    reused: true,
  },
  { name: "G3: HEAD without any length", answer: `${OK}\r\n\r\n`, method: "HEAD", sees: [OK, [], ""], reused: true },
  {
    name: "G3: 304 with a length",
    answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: x\r\n\r\n",
    sees: ["HTTP/1.1 304 Not Modified", ["ETag: x", "Content-Length: 500"], ""],
    reused: true,
  },
  { name: "G3: 204", answer: "HTTP/1.1 204 No Content\r\n\r\n", sees: ["HTTP/1.1 204 No Content", [], ""], reused: true },
  {
    name: "G4: 204 with a length",
    answer: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    sees: ["HTTP/1.1 204 No Content", [], ""],
    reused: true,
  },
  {
    name: "G4: 204 with Transfer-Encoding",
    answer: `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n\r\n`,
    sees: ["HTTP/1.1 204 No Content", [], ""],
    reused: true,
  },
  { name: "G5: both lengths", answer: `${OK}\r\nContent-Length: 5\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, sees: 502 },
  {
    name: "G5: Transfer-Encoding in HTTP/1.0 makes the connection suspect",
    answer: `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    sees: [OK, [CHUNKED], "hello"],
  },
  ...["abc", "-1", "+5", "5, 6", "0x5", "", "5\xa0", "9007199254740993", "99999999999999999999"].map((length) => ({
    name: `G6: Content-Length ${JSON.stringify(length)}`,
    answer: `${OK}\r\nContent-Length: ${length}\r\n\r\nhello`,
    sees: 502 as const,
  })),
  { name: "G6: two different lengths", answer: `${OK}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, sees: 502 },
  {
    name: "G6: two equal lengths become one",
    answer: `${OK}\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    sees: [OK, ["Content-Length: 5"], "hello"],
    reused: true,
  },
  ...["chunked, chunked", "gzip", "gzip, chunked", "xchunked", "", "chunked\xa0"].map((coding) => ({
    name: `G7: Transfer-Encoding ${JSON.stringify(coding)}`,
    answer: `${OK}\r\nTransfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    sees: 502 as const,
  })),
  { name: "G7: two Transfer-Encoding fields", answer: `${OK}\r\n${CHUNKED}\r\n${CHUNKED}\r\n\r\n0\r\n\r\n`, sees: 502 },
  { name: "G8: ends before the length", answer: `${OK}\r\nContent-Length: 10\r\n\r\nhello`, then: "fin", sees: "not whole" },
  { name: "G8: reset before the length", answer: `${OK}\r\nContent-Length: 10\r\n\r\nhello`, then: "rst", sees: "not whole" },
  { name: "G8: ends before the last chunk", answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n`, then: "fin", sees: "not whole" },
  {
    name: "G8: ends within the last chunk",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n`,
    then: "fin",
    sees: "not whole",
  },
  {
    name: "G8: ends before the last chunk, HTTP/1.0 client",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n`,
    then: "fin",
    version: "1.0",
    sees: "not whole",
  },
  { name: "G8: broken chunks", answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n`, sees: "not whole" },
  { name: "G8: a bare LF in the chunks", answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\nhello\r\n0\r\n\r\n`, sees: "not whole" },
  {
    extra: true,
    name: "G9: more than the length",
    answer: `${OK}\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n`,
    sees: [OK, ["Content-Length: 5"], "hello"],
  },
  {
    extra: true,
    name: "G9: more after the last chunk",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n\r\nX`,
    sees: [OK, [CHUNKED], "hello"],
  },
  {
    extra: true,
    name: "G9: a body after an answer to HEAD",
    answer: `${OK}\r\nContent-Length: 5\r\n\r\nhello`,
    method: "HEAD",
    sees: [OK, ["Content-Length: 5"], ""],
  },
  {
    extra: true,
    name: "G9: a body after 204",
    answer: "HTTP/1.1 204 No Content\r\n\r\nhello",
    sees: ["HTTP/1.1 204 No Content", [], ""],
  },
  {
    extra: true,
    name: "G9: a body after an empty one",
    answer: `${OK}\r\nContent-Length: 0\r\n\r\nhello`,
    sees: [OK, ["Content-Length: 0"], ""],
  },
];

const bad = (name: string, head: string): Answer => ({ name: `G11: ${name}`, answer: `${head}\r\n\r\nhello`, sees: 502 });
const line = (name: string, status: string, seen = status): Answer => ({
  name: `G12: ${name}`,
  answer: `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`,
  sees: [`HTTP/1.1 ${seen}`, ["Content-Length: 2"], "ok"],
  reused: true,
});

const HEADS: readonly Answer[] = [
  bad("no status line", "hello"),
  bad("another protocol", "ICY 200 OK"),
  bad("HTTP/2.0", "HTTP/2.0 200 OK"),
  bad("two digits", "HTTP/1.1 20 OK"),
  bad("four digits", "HTTP/1.1 2000 OK"),
  bad("status 099", "HTTP/1.1 099 OK"),
  bad("a tab in the status line", "HTTP/1.1\t200 OK"),
  bad("a NUL in a value", `${OK}\r\nX: a\x00b`),
  bad("a bare CR in a value", `${OK}\r\nX: a\rb`),
  bad("a bare LF in a value", `${OK}\r\nX: a\nY: b`),
  bad("an obs-fold", `${OK}\r\nX: a\r\n b`),
  bad("no colon", `${OK}\r\nNoColon`),
  bad("an empty name", `${OK}\r\n: v`),
  bad("a control in the reason", "HTTP/1.1 200 O\x01K"),
  bad("too many fields", `${OK}${Array.from({ length: 129 }, (_, at) => `\r\nX-${at}: v`).join("")}`),
  bad("a head over the limit", `${OK}\r\nX: ${"a".repeat(33_000)}`),
  { name: "G11: a head over the limit that never ends", answer: `${OK}\r\nX: ${"a".repeat(33_000)}`, sees: 502 },
  { name: "G11: ends within the head", answer: `${OK}\r\nContent-`, then: "fin", sees: 502 },
  line("no reason, no space", "200", "200 "),
  line("no reason", "200 "),
  line("999", "999 Whatever"),
  line("an unknown status", "299 Hm"),
  line("obs-text in the reason", "200 d\xe9j\xe0 vu"),
];

const FIELDS: readonly Answer[] = [
  {
    name: "B1: a space before a colon goes",
    answer: `${OK}\r\nContent-Length : 2\r\n\r\nok`,
    sees: [OK, ["Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "B1: a space before a colon of another field goes",
    answer: `${OK}\r\nX : 1\r\nContent-Length: 2\r\n\r\nok`,
    sees: [OK, ["X: 1", "Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "B9: order, repetition and case",
    answer: `${OK}\r\nSet-Cookie: a\r\nX: 1\r\nset-cookie: b\r\nSet-Cookie: c\r\nContent-Length: 2\r\n\r\nok`,
    sees: [OK, ["Set-Cookie: a", "X: 1", "set-cookie: b", "Set-Cookie: c", "Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "B7: obs-text",
    answer: `${OK}\r\nX: \xe9\xff\r\nContent-Length: 2\r\n\r\nok`,
    sees: [OK, ["X: \xe9\xff", "Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "F13: fields of the hop",
    answer: `${OK}\r\nConnection: x, keep-alive\r\nX: 1\r\nKeep-Alive: timeout=60\r\nProxy-Connection: y\r\nUpgrade: h2c\r\nServer: s\r\nContent-Length: 2\r\n\r\nok`,
    sees: [OK, ["Server: s", "Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "G18: Connection: close is about the application's connection only",
    answer: `${OK}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`,
    sees: [OK, ["Content-Length: 2"], "ok"],
  },
  { name: "G18: HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", sees: [OK, ["Content-Length: 2"], "ok"] },
  {
    name: "G18: HTTP/1.0 that keeps the connection",
    answer: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
    sees: [OK, ["Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "G15: trailers for a client that does not ask",
    answer: `${OK}\r\n${CHUNKED}\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n`,
    sees: [OK, [CHUNKED], "ok"],
    reused: true,
  },
  {
    name: "G15: trailers for a client that asks",
    answer: `${OK}\r\nTrailer: X\r\n${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\ngrpc-status: 0\r\n\r\n`,
    lines: "TE: trailers\r\nConnection: TE\r\n",
    sees: [OK, ["Trailer: X", CHUNKED], "ok"],
    trailers: ["X: 1", "grpc-status: 0"],
    reused: true,
  },
  {
    name: "G15: trailers that would change the framing or the meaning of the head",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\nSet-Cookie: a\r\nConnection: close\r\nY: 1\r\n\r\n`,
    lines: "TE: trailers\r\nConnection: TE\r\n",
    sees: [OK, [CHUNKED], "ok"],
    trailers: ["Y: 1"],
    reused: true,
  },
  {
    name: "G15: trailers and an HTTP/1.0 client",
    answer: `${OK}\r\n${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n`,
    version: "1.0",
    lines: "TE: trailers\r\n",
    sees: [OK, [], "ok"],
    closes: true,
    reused: true,
  },
  { name: "G15: a trailer that is none", answer: `${OK}\r\n${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\nX : 1\r\n\r\n`, sees: "not whole" },
  {
    name: "J16: 503 of the application is passed on",
    answer: "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nok",
    sees: ["HTTP/1.1 503 Busy", ["Content-Length: 2"], "ok"],
    reused: true,
  },
];

const INTERIM: readonly Answer[] = [
  {
    name: "H1: 103 and 102 in order",
    answer: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}\r\nContent-Length: 2\r\n\r\nok`,
    interim: ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"],
    sees: [OK, ["Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "H1: not for HTTP/1.0",
    answer: `HTTP/1.1 103 Early Hints\r\n\r\n${OK}\r\nContent-Length: 2\r\n\r\nok`,
    version: "1.0",
    sees: [OK, ["Content-Length: 2"], "ok"],
    closes: true,
    reused: true,
  },
  {
    name: "G4: 103 with a length",
    answer: `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n${CHUNKED.replace("chunked", "x")}\r\n\r\n`,
    sees: 502,
  },
  {
    name: "G4: 103 with a length alone",
    answer: `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n${OK}\r\nContent-Length: 2\r\n\r\nok`,
    interim: ["HTTP/1.1 103 Early Hints\r\n\r\n"],
    sees: [OK, ["Content-Length: 2"], "ok"],
    reused: true,
  },
  {
    name: "H1: interim answers without end",
    answer: "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17),
    sees: 502,
    interim: Array<string>(16).fill("HTTP/1.1 103 Early Hints\r\n\r\n"),
  },
  {
    name: "H8: 101 that nobody asked for",
    answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    sees: 502,
  },
  {
    name: "H8: 101 to another protocol",
    answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
    lines: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    sees: 502,
  },
  {
    name: "H7: 426 to an upgrade",
    answer: "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok",
    lines: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    sees: ["HTTP/1.1 426 Upgrade Required", ["Content-Length: 2"], "ok"],
    reused: true,
  },
];

describe.each([
  ["G: framing", FRAMING],
  ["G: heads", HEADS],
  ["F, G: fields", FIELDS],
  ["H: interim answers and switches", INTERIM],
] as const)("%s", (_, answers) => {
  it.each(answers)("$name", async (answer) => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      for (;;) {
        const request = await peer.request();
        const cut = Number(/^\S+ \/(\d+)/.exec(request.startLine)![1]);
        peer.send(answer.answer.slice(0, cut));
        await turn();
        peer.send(answer.answer.slice(cut));
        await turn();
        if (answer.then === "fin") peer.fin();
        if (answer.then === "rst") peer.rst();
      }
    });
    const proxy = await WireProxy.start([upstream.port]);
    await one(proxy, answer, 0);
    if (answer.extra === true) await (await upstream.peer(1)).gone();
    await one(proxy, answer, 0);
    expect(upstream.peers, "connections for two requests").toHaveLength(answer.reused === true ? 1 : 2);
    const cuts = Array.from({ length: Math.min(answer.answer.length, 320) }, (_unused, at) => at);
    if (answer.extra === true) {
      for (const cut of cuts) {
        await upstream.peers.at(-1)!.gone();
        await one(proxy, answer, cut);
      }
    } else
      for (let at = 0; at < cuts.length; at += 64)
        await Promise.all(cuts.slice(at, at + 64).map((cut) => one(proxy, answer, cut)));
    await expectLedger(proxy, answer, cuts.length + 2);
  });
});

/** Every one of them is in the column it belongs in. */
async function expectLedger(proxy: WireProxy, answer: Answer, requests: number): Promise<void> {
  const status = typeof answer.sees === "object" ? Number(answer.sees[0].split(" ")[1]) : null;
  const column = status === null ? "failed" : status >= 500 ? "appError" : "served";
  expect(await proxy.ledger()).toEqual({ [column]: requests });
}

async function one(proxy: WireProxy, answer: Answer, cut: number): Promise<void> {
  const { method = "GET", version = "1.1", lines = "", interim = [], sees } = answer;
  const client = await connectRaw(proxy.port);
  client.send(`${method} /${cut} HTTP/${version}\r\nHost: a\r\n${lines}\r\n`);
  const where = `cut at ${cut}`;
  for (const text of interim) expect((await client.answer("HEAD")).raw, where).toBe(text);
  if (sees === "not whole") {
    await client.gone();
    expect(client.reset, `${where}: reset`).toBe(true);
    if (version === "1.1") expect(readMessage(client.text, "response"), where).toBeNull();
  } else {
    const message = await client.answer(method);
    if (sees === 502) expect(statusOf(message), where).toBe(502);
    else expectMessage(message, answer, where);
    if (answer.closes ?? version === "1.0") await client.gone();
    else expect(client.ended, `${where}: the connection stays`).toBe(false);
  }
  client.socket.destroy();
}

function expectMessage(message: Message, answer: Answer, where: string): void {
  if (typeof answer.sees !== "object") throw new Error("not an answer");
  const [startLine, fields, body] = answer.sees;
  const own = /^(?:date|connection|keep-alive)$/i;
  expect(message.startLine, where).toBe(startLine);
  expect(
    message.fields.filter(([name]) => !own.test(name)).map(([name, value]) => `${name}: ${value}`),
    where,
  ).toEqual(fields);
  expect(message.body, where).toBe(body);
  expect(message.trailers, where).toEqual(answer.trailers ?? []);
  expect(
    message.fields.filter(([name]) => name.toLowerCase() === "date"),
    `${where}: one Date`,
  ).toHaveLength(1);
}
