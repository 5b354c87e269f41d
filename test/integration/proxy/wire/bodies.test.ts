import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { turn } from "../../../support/wire/vectors.ts";
import type { Wire } from "../../../support/wire/wire.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const MiB = 1024 * 1024;
/** More than this the kernel and the proxy together never hold for one connection; loopback buffers are up to 10 MiB each way. */
const HELD_MAX = 40 * MiB;
const MUCH = 96 * MiB;

const digest = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");

/** An independent server that answers with the digest of the body it was sent, and echoes it on `/echo`. */
async function startDigesting(): Promise<number> {
  const server = createServer((request: IncomingMessage, response) => {
    const hash = createHash("sha256");
    if (request.url === "/echo") request.pipe(response);
    else
      request
        .on("data", (data: Buffer) => hash.update(data))
        .on("end", () => {
          response.end(hash.digest("hex"));
        });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** As a chunked body with chunks of all sizes. */
function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7 + 1) % 70_000) {
    const piece = body.subarray(at, at + Math.max(1, size));
    parts.push(Buffer.from(`${piece.length.toString(16)};x=y\r\n`), piece, Buffer.from("\r\n"));
    size = piece.length;
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

describe("D16: bodies arrive as they were sent", () => {
  it.each([0, 1, 16_383, 16_384, 16_385, 65_536, 10 * MiB])("%i bytes", async (size) => {
    const proxy = await WireProxy.start([await startDigesting()]);
    const body = randomBytes(size);
    const client = await connectRaw(proxy.port);
    for (const [framing, bytes] of [
      [`Content-Length: ${size}`, body],
      ["Transfer-Encoding: chunked", chunked(body)],
    ] as const) {
      const head = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
      client.send(Buffer.concat([head, bytes]));
      expect((await client.answer()).body).toBe(digest(body));
      client.send(head);
      await turn();
      client.send(bytes);
      expect((await client.answer()).body).toBe(digest(body));
      if (size > MiB) continue;
      client.send(Buffer.concat([Buffer.from(`POST /echo HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`), bytes]));
      const echoed = (await client.answer()).body;
      expect(digest(Buffer.from(echoed, "latin1"))).toBe(digest(body));
    }
  });

  it("K6: a body of one-byte chunks", async () => {
    const proxy = await WireProxy.start([await startDigesting()]);
    const client = await connectRaw(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(50_000)}0\r\n\r\n`);
    expect((await client.answer()).body).toBe(digest("x".repeat(50_000)));
  });
});

describe("D17: a client that goes within its body", () => {
  it.each([
    ["counted, FIN", "Content-Length: 10\r\n\r\nhello", "fin"],
    ["counted, reset", "Content-Length: 10\r\n\r\nhello", "rst"],
    ["chunked, FIN", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "fin"],
    ["within the last chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "fin"],
  ] as const)("%s: the application never sees a whole request", async (_, rest, end) => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    const peer = await upstream.peer(1);
    await peer.until("the first part", () => (peer.received.includes("hello") ? true : null));
    client[end]();
    await peer.gone();
    expect(upstream.requests).toEqual([]);
    expect(peer.received).toMatch(/hello(?:\r\n)?$/);
    await client.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });
});

/** Writes until the other side takes no more for so long; gives how many bytes went. */
async function pour(from: Wire, total: number, patienceMs = 500): Promise<number> {
  const piece = Buffer.alloc(MiB, "x");
  let sent = 0;
  while (sent < total) {
    sent += piece.length;
    if (from.socket.write(piece)) continue;
    const drained = await Promise.race([
      new Promise<true>((resolve) =>
        from.socket.once("drain", () => {
          resolve(true);
        }),
      ),
      new Promise<false>((resolve) =>
        setTimeout(() => {
          resolve(false);
        }, patienceMs),
      ),
    ]);
    if (!drained) break;
  }
  return sent;
}

describe("back pressure", () => {
  it("D18: an upload that the application does not read is not taken in; it goes on when the application reads again", async () => {
    let bytes = 0;
    const upstream = await ScriptedUpstream.start((peer) => {
      peer.socket.pause();
      peer.socket.removeAllListeners("data");
      peer.socket.on("data", (data: Buffer) => {
        bytes += data.length;
        if (bytes > MUCH) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
      peer.socket.pause();
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${MUCH}\r\n\r\n`);
    const sent = await pour(client, MUCH);
    expect(sent).toBeLessThan(HELD_MAX);
    (await upstream.peer(1)).socket.resume();
    await pour(client, MUCH - sent, 10_000);
    expect(await client.status()).toBe(200);
    expect(await proxy.ledger()).toEqual({ served: 1 });
  });

  it("an application that stops reading has failed, not the client", async () => {
    const upstream = await ScriptedUpstream.start((peer) => {
      peer.socket.pause();
    });
    const proxy = await WireProxy.start([upstream.port], { limits: { writeStallMs: 100 } });
    const client = await connectRaw(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${MUCH}\r\n\r\n`);
    void pour(client, MUCH);
    expect(await client.status()).toBe(504);
    expect(await proxy.ledger()).toEqual({ failed: 1 });
  });

  it.each([
    ["counted", `Content-Length: ${MUCH}`],
    ["until the end", "X: 1"],
  ])("G16: a download (%s) that the client does not read is not taken in", async (_, framing) => {
    const poured = Promise.withResolvers<number>();
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.request();
      peer.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      poured.resolve(await pour(peer, MUCH));
    });
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.socket.pause();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await poured.promise).toBeLessThan(HELD_MAX);
    client.rst();
    await upstream.peers[0]!.gone();
    expect(await proxy.ledger()).toEqual({ clientGone: 1 });
  });

  it("G14: every piece of a stream reaches the client when it comes, the head first", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port]);
    const client = await connectRaw(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const peer = await upstream.peer(1);
    await peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.until("the head", () => (client.text.endsWith("\r\n\r\n") ? true : null));
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      peer.send(`9\r\n${event}\r\n`);
      await client.until(event, () => (client.text.endsWith(`9\r\n${event}\r\n`) ? true : null));
    }
    peer.send("0\r\n\r\n");
    expect((await client.answer()).body).toBe("data: 1\n\ndata: 2\n\n");
  });
});
