import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { fullListeners } from "../../../support/full-listeners.ts";
import { until } from "../../../support/temp.ts";
import { connectRaw, type RawClient } from "../../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n`;
const TEN = "A\r\n0123456789\r\n";

async function http2(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${String(port)}`);
  session.on("error", () => undefined);
  onTestFinished(() => {
    session.destroy();
  });
  await once(session, "connect");
  return session;
}

/** The status of an upload by HTTP/2 that is sent in these pieces. */
async function upload(session: ClientHttp2Session, fields: Record<string, string>, pieces: readonly string[]): Promise<number> {
  const stream = session.request({ ":method": "POST", ":path": "/", ...fields }, { endStream: false });
  stream.on("error", () => undefined);
  for (const piece of pieces) stream.write(piece);
  const [headers] = (await once(stream, "response")) as [{ ":status": number }];
  stream.close();
  return headers[":status"];
}

/** Sends a piece every few milliseconds until the connection ends or an answer comes. */
async function drip(client: RawClient, piece: string): Promise<void> {
  while (!client.ended && !client.closed && client.text === "") {
    client.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("proxy.maxBody", () => {
  it("is told by the length: 413 before anything is sent on, and the connection ends after what the client still sends", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { proxy: { maxBodyBytes: 10 } });
    const exact = await connectRaw(proxy.port);
    exact.send(`${POST}Content-Length: 10\r\n\r\n0123456789`);
    expect(await exact.status()).toBe(200);
    const client = await connectRaw(proxy.port);
    client.send(`${POST}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n`);
    const answer = await client.answer();
    expect(answer.startLine).toBe("HTTP/1.1 413 Payload Too Large");
    client.send(`0123456789X${GET}`);
    await client.gone();
    expect(client.reset).toBe(false);
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.received).not.toContain("Content-Length: 11");
    expect(await proxy.ledger()).toEqual({ served: 1, refused: 1 });
  });

  it("is found out while a chunked body grows: 413, and the application never sees its end", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port], { proxy: { maxBodyBytes: 20 } });
    const client = await connectRaw(proxy.port);
    client.send(`${CHUNKED}\r\n${TEN}${TEN}`);
    const peer = await upstream.peer(1);
    await until(() => peer.received.includes("0123456789"), { what: "the first part has come" });
    client.send(`${TEN}${TEN}0\r\n\r\n${GET}`);
    expect(await client.status()).toBe(413);
    client.send(TEN);
    await client.gone();
    await peer.gone();
    expect([client.reset, peer.received.includes("\r\n0\r\n")]).toEqual([false, false]);
    expect(await proxy.ledger()).toEqual({ refused: 1 });
  });

  it("lets a chunked body through that is just as long", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { proxy: { maxBodyBytes: 20 } });
    const client = await connectRaw(proxy.port);
    client.send(`${CHUNKED}\r\n${TEN}${TEN}0\r\n\r\n${GET}`);
    expect([await client.status(), await client.status()]).toEqual([200, 200]);
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });

  it("where the answer has begun the client sees that it is not whole", async () => {
    const upstream = await ScriptedUpstream.start(async (peer) => {
      await peer.head();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    });
    const proxy = await WireProxy.start([upstream.port], { proxy: { maxBodyBytes: 20 } });
    const client = await connectRaw(proxy.port);
    client.send(`${CHUNKED}\r\n${TEN}`);
    await until(() => client.received.includes("begun"), { what: "the answer begins" });
    client.send(`${TEN}${TEN}`);
    await client.gone();
    expect([client.reset, client.received.includes("413")]).toEqual([true, false]);
    expect(await proxy.ledger()).toEqual({ refused: 1 });
  });

  it("holds for HTTP/2, with a length and without", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port], { proxy: { maxBodyBytes: 20, http2Cleartext: true } });
    const session = await http2(proxy.port);
    expect(await upload(session, { "content-length": "21" }, [])).toBe(413);
    expect(upstream.peers).toHaveLength(0);
    expect(await upload(session, {}, ["0123456789", "0123456789", "x"])).toBe(413);
    for (const peer of upstream.peers) await peer.gone();
    expect(upstream.received).not.toContain("\r\n0\r\n");
    expect(await proxy.ledger()).toEqual({ refused: 2 });
  });
});

describe("a slow body", () => {
  const limits = { bodyRateMin: 100_000, bodyRateAfterMs: 100 };

  it("is refused with 408 though it never stops; the application never sees its end", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port], { limits });
    for (const framing of ["Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"]) {
      const client = await connectRaw(proxy.port);
      client.send(`${POST}${framing}`);
      await drip(client, framing.startsWith("C") ? "x" : "1\r\nx\r\n");
      expect(await client.status()).toBe(408);
      await client.gone();
      await upstream.peers.at(-1)!.gone();
    }
    expect(upstream.received).not.toContain("\r\n0\r\n");
    expect(await proxy.ledger()).toEqual({ refused: 2 });
  });

  it("is refused by HTTP/2 too, but not as a stream of gRPC messages", async () => {
    const upstream = await ScriptedUpstream.start();
    const proxy = await WireProxy.start([upstream.port], { limits, proxy: { http2Cleartext: true } });
    const session = await http2(proxy.port);
    const messages = session.request(
      { ":method": "POST", ":path": "/", "content-type": "application/grpc" },
      { endStream: false },
    );
    messages.on("error", () => undefined);
    messages.write("message");
    await upstream.peer(1);
    expect(await upload(session, {}, ["x"])).toBe(408);
    expect(proxy.inFlight).toBe(1);
    messages.close();
    expect(await proxy.ledger()).toEqual({ refused: 1, clientGone: 1 });
  });
});

it("all attempts to connect of one request together have a limit: 504, though there are instances left and it might wait", async () => {
  const ports = await fullListeners(5);
  const proxy = await WireProxy.start(ports, {
    limits: { connectTimeoutMs: 100, connectTotalMs: 250 },
    proxy: { holdMs: 60_000 },
  });
  const client = await connectRaw(proxy.port);
  client.send(GET);
  expect(await client.status()).toBe(504);
  expect(await proxy.ledger()).toEqual({ failed: 1 });
});
