import { expect } from "vitest";
import { statusOf, type Message } from "./message.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";
import { startAnswering, type ScriptedUpstream } from "./scripted-upstream.ts";
import { WireProxy } from "./wire-proxy.ts";

/** One request (or something that is none), and what has to come of it. */
export interface Vector {
  /** The item of the checklist, and what is special about it. */
  readonly name: string;
  /** The bytes, in latin1. */
  readonly send: string;
  readonly status: number;
  /** Exactly what the application sees (a request id made here stands as `…`, a chunked body is in one chunk); absent: not a byte. */
  readonly seen?: string;
  /** Its head goes on to the application, but never a whole request. */
  readonly breaksOff?: true;
  /** The connection ends after the answer. Refusals always end it. */
  readonly closes?: boolean;
  readonly method?: string;
}

interface Stand {
  readonly proxy: WireProxy;
  readonly upstream: ScriptedUpstream;
}

const BEFORE = "GET /before HTTP/1.1\r\nHost: before\r\n\r\n";

/** One turn of the event loop and a little more: what was written has been read by the other side. */
export async function turn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** In every way in which its bytes can arrive: what comes of it must be the same. */
export async function everyWay(vector: Vector, answer?: string): Promise<void> {
  const upstream = await startAnswering(answer);
  const proxy = await WireProxy.start([upstream.port]);
  for (const way of [whole, pipelined, byteByByte, cutAtEveryByte]) {
    try {
      await way({ proxy, upstream }, vector);
    } catch (error) {
      throw new Error(`${way.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  expect(await proxy.ledger()).not.toHaveProperty("failed");
  if (vector.seen === undefined && vector.breaksOff !== true)
    expect(upstream.received.replaceAll(/GET \/before [^]*?\r\n\r\n/g, ""), "the application got not a byte").toBe("");
}

/** All at once. */
async function whole(stand: Stand, vector: Vector): Promise<void> {
  const client = await connectRaw(stand.proxy.port);
  client.send(vector.send);
  await expectOutcome(client, vector);
  expect(takeSeen(stand.upstream)).toEqual(expectedSeen(vector, 1));
}

/** Cut in two at every byte, each cut on a connection of its own, all of them at the same time. */
async function cutAtEveryByte(stand: Stand, vector: Vector): Promise<void> {
  const cuts = Array.from({ length: Math.min(vector.send.length - 1, 400) }, (_, index) => index + 1);
  for (let at = 0; at < cuts.length; at += 64) {
    const batch = cuts.slice(at, at + 64);
    await Promise.all(
      batch.map(async (cut) => {
        const client = await connectRaw(stand.proxy.port);
        client.send(vector.send.slice(0, cut));
        await turn();
        client.send(vector.send.slice(cut));
        await expectOutcome(client, vector, `cut at ${cut}`);
      }),
    );
    expect(takeSeen(stand.upstream)).toEqual(expectedSeen(vector, batch.length));
  }
}

/** Byte by byte. */
async function byteByByte(stand: Stand, vector: Vector): Promise<void> {
  const client = await connectRaw(stand.proxy.port);
  for (const byte of vector.send.slice(0, 400)) {
    client.send(byte);
    await turn();
  }
  client.send(vector.send.slice(400));
  await expectOutcome(client, vector);
  expect(takeSeen(stand.upstream)).toEqual(expectedSeen(vector, 1));
}

/** Behind a valid request in one segment: that one is answered first, as if it had come alone (D19). */
async function pipelined(stand: Stand, vector: Vector): Promise<void> {
  const client = await connectRaw(stand.proxy.port);
  client.send(BEFORE + vector.send);
  expect(await client.status()).toBe(200);
  await expectOutcome(client, vector);
  const [first, ...rest] = takeSeen(stand.upstream);
  expect(first).toMatch(/^GET \/before /);
  expect(rest).toEqual(expectedSeen(vector, 1));
}

async function expectOutcome(client: RawClient, vector: Vector, where = ""): Promise<void> {
  const refused = vector.seen === undefined;
  const answer = await client.answer(vector.method);
  expect(statusOf(answer), `${where} ${answer.raw}`).toBe(vector.status);
  if (refused || vector.closes === true) {
    await client.gone();
    expect(client.reset, `${where}: ended by FIN`).toBe(false);
    expect(client.text, `${where}: nothing after the answer`).toBe("");
  } else {
    client.send("GET /after HTTP/1.1\r\nHost: after\r\n\r\n");
    expect(await client.status(), `${where}: the connection is in step`).toBe(200);
  }
  client.socket.destroy();
}

/** The whole requests that came since the last time, without those that only test the connection. */
function takeSeen(upstream: ScriptedUpstream): string[] {
  return upstream.requests
    .splice(0)
    .filter(({ startLine }) => !startLine.startsWith("GET /after "))
    .map((request) => inOneChunk(request).replace(/(?<=X-Request-ID: )[0-9a-f]{20}(?=\r\n)/, "…"));
}

/** Where the chunks of a body begin depends on how it arrived. */
function inOneChunk({ raw, body, trailers }: Message): string {
  const head = raw.slice(0, raw.indexOf("\r\n\r\n") + 4);
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return raw;
  return head + chunked(body) + trailers.map((line) => `${line}\r\n`).join("") + "\r\n";
}

/** A body as one chunk, up to the trailers. */
function chunked(body: string): string {
  return body === "" ? "0\r\n" : `${body.length.toString(16)}\r\n${body}\r\n0\r\n`;
}

function expectedSeen({ seen }: Vector, times: number): string[] {
  return seen === undefined ? [] : Array<string>(times).fill(seen);
}

/** What the proxy adds to a request. */
export function ours(host = "a"): string {
  return `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Port: ${/:(\d+)$/.exec(host)?.[1] ?? "80"}\r\nX-Request-ID: …\r\n\r\n`;
}
