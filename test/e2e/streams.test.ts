import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { proxyMemoryMiB } from "../support/proxy-memory.ts";
import { EventListener } from "../support/event-listener.ts";
import { Site, type SiteOptions } from "../support/site.ts";
import { until } from "../support/temp.ts";

const MIB = 1024 * 1024;
const LARGE_MIB = 1024;
/** What the proxy may hold beyond what it held before: sockets' buffers and garbage, not bodies. */
const MEMORY_SLACK_MIB = 64;

describe("large bodies at the pace of the slower side", () => {
  test("a download of 1 GiB that is read slowly", async () => {
    const site = await Site.deployed();
    const memory = await watchMemory(site);
    const answer = await get(`${site.url}/bytes?mib=${String(LARGE_MIB)}`);
    let bytes = 0;
    for await (const piece of answer as AsyncIterable<Buffer>) bytes = await slowly(bytes, piece);
    expect(bytes).toBe(LARGE_MIB * MIB);
    expect(await memory.grownMiB()).toBeLessThan(MEMORY_SLACK_MIB);
  });

  test("an upload of 1 GiB that is taken slowly", async () => {
    const site = await Site.deployed();
    const memory = await watchMemory(site);
    const upload = request(`${site.url}/sink`, { method: "POST", headers: { "content-length": LARGE_MIB * MIB } });
    const answered = once(upload, "response") as Promise<[IncomingMessage]>;
    const piece = Buffer.alloc(MIB);
    await pipeline(Readable.from(Array.from({ length: LARGE_MIB }, () => piece)), upload);
    const [answer] = await answered;
    expect(await textOf(answer)).toBe(`${String(LARGE_MIB * MIB)}\n`);
    expect(await memory.grownMiB()).toBeLessThan(MEMORY_SLACK_MIB);
  });
});

describe("what is in flight when its instance is replaced", () => {
  test("scenario 25: is waited for, longer than everything else takes", async () => {
    const site = await Site.deployed();
    const slow = await inFlight(site, 4, 5_000);
    const name = await next(site);
    expect((await site.ended(name)).outcome).toBe("done");
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200]);
    const report = await site.client.report(Site.app, name);
    expect(report).toMatchObject({ lost: 0, totals: { cut: 0, failed: 0 } });
    expect(report.durationMs).toBeGreaterThan(4_000);
  });

  test("scenario 26: is cut at the drain limit, and counted as cut", async () => {
    const site = await Site.deployed({ web: { drainTimeout: "500ms" } });
    const slow = await inFlight(site, 4, 60_000);
    const name = await next(site);
    expect((await site.ended(name)).outcome).toBe("done");
    expect(await Promise.all(slow)).toEqual([503, 503, 503, 503]);
    expect(await site.client.report(Site.app, name)).toMatchObject({ lost: 4, totals: { cut: 4, failed: 0, unaccounted: 0 } });
  });

  test("scenario 34: an event stream does not hold the deployment up beyond its own limit, and its client goes on where it was", async () => {
    const site = await Site.deployed({ web: { drainTimeout: "60s" }, eventStreams: { grace: "500ms", spread: "1s" } });
    const listeners = Array.from({ length: 6 }, () => new EventListener(`${site.url}/events`));
    await until(() => listeners.every(({ ids }) => ids.length > 3));
    const name = await next(site, { eventStreams: { grace: "500ms", spread: "1s" } });
    expect((await site.ended(name)).outcome).toBe("done");
    const report = await site.client.report(Site.app, name);
    expect(report).toMatchObject({ lost: 0, totals: { cut: 0, failed: 0, clientGone: 0 } });
    expect(report.durationMs).toBeLessThan(20_000);
    await until(() => listeners.every(({ last }) => last.endsWith(" two")));
    for (const listener of listeners) {
      listener.close();
      expect(listener.connections).toBe(2);
      expect(listener.broken).toBe(0);
      expect(listener.ids).toEqual(listener.ids.map((_, index) => index + 1));
    }
  });

  test("a tunnel works through its instance's drain and does not hold the deployment up beyond the limit", async () => {
    const site = await Site.deployed({ web: { drainTimeout: "5s" } });
    const tunnel = await openTunnel(site);
    const name = await next(site);
    await until(async () => (await site.client.app(Site.app)).deployment?.phase === "draining");
    expect(await tunnel.echo("to a draining instance")).toBe("to a draining instance");
    expect((await site.ended(name)).outcome).toBe("done");
    await tunnel.closed;
    expect(await site.client.report(Site.app, name)).toMatchObject({ lost: 0 });
  });
});

/** A person behind a slow line: a break after every few MiB. */
async function slowly(before: number, piece: Buffer): Promise<number> {
  const after = before + piece.length;
  if (Math.floor(before / (8 * MIB)) !== Math.floor(after / (8 * MIB))) await pause(40);
  return after;
}

async function watchMemory(site: Site): Promise<{ grownMiB: () => Promise<number> }> {
  const { proxyPid } = await site.client.info();
  const before = proxyMemoryMiB(proxyPid ?? 0);
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, proxyMemoryMiB(proxyPid ?? 0));
  }, 50);
  onTestFinished(() => {
    clearInterval(timer);
  });
  return {
    grownMiB: () => {
      clearInterval(timer);
      return Promise.resolve(Math.max(highest, proxyMemoryMiB(proxyPid ?? 0)) - before);
    },
  };
}

/** So many requests that take so long, each given to an instance already, and the status that each is answered with. */
async function inFlight(site: Site, count: number, ms: number): Promise<readonly Promise<number>[]> {
  const requests = Array.from({ length: count }, async () => {
    const answer = await get(`${site.url}/slow?ms=${String(ms)}`);
    await textOf(answer);
    return answer.statusCode ?? 0;
  });
  await until(async () => {
    const { instances } = await site.client.app(Site.app);
    return instances.reduce((sum, instance) => sum + (instance.inFlight ?? 0), 0) === count;
  });
  return requests;
}

/** Begins a deployment of something new. */
function next(site: Site, options: SiteOptions = {}): Promise<string> {
  site.write("two", { batch: "100%", ...options });
  return site.begin();
}

async function openTunnel(site: Site): Promise<{ echo: (text: string) => Promise<string>; closed: Promise<unknown> }> {
  const { hostname, port, host } = new URL(site.url);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  const closed = new Promise((resolve) => socket.on("error", () => undefined).on("close", resolve));
  onTestFinished(() => {
    socket.destroy();
  });
  const read = async (): Promise<string> => String((await once(socket, "data"))[0]);
  socket.write(`GET /tunnel HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  expect(await read()).toMatch(/^HTTP\/1\.1 101 /);
  const echo = (text: string): Promise<string> => {
    const answer = read();
    socket.write(text);
    return answer;
  };
  return { echo, closed };
}

async function get(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(request(url, { agent: false }).end(), "response")) as [IncomingMessage];
  return answer;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of answer as AsyncIterable<Buffer>) text += piece.toString();
  return text;
}
