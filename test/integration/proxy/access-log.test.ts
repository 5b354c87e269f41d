import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { AccessLogSpec } from "../../../src/core/access-log.ts";
import { LogFile } from "../../../src/proxy/access-log/log-file.ts";
import { freePort } from "../../support/free-port.ts";
import { runLoad } from "../../support/load/run.ts";
import { ask, connectHttp2 } from "../../support/http2/client.ts";
import { PLAIN_TLS } from "../../support/tls/proxy.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream } from "../../support/shop-upstream.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";

const LIMIT_MS = 60_000;

async function shop(log: Partial<AccessLogSpec> = {}): Promise<{ proxy: ProxyProgram; path: string; lines: () => string[] }> {
  const path = join(temporaryDirectory(), "access.log");
  const upstream = await shopUpstream();
  const proxy = await ProxyProgram.started(await freePort());
  const accessLog = { format: "json", path, sample: 1, query: false, ...log } as const;
  await proxy.route([upstream.target], { proxy: { holdMs: 100, firstByteTimeoutMs: 0, accessLog } });
  return { proxy, path, lines: () => linesOf(path) };
}

/** The lines that are whole: the proxy may be writing the next one. */
function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

test("one line of JSON for every request, over a rotation and from every worker", { timeout: LIMIT_MS }, async () => {
  const { proxy, path, lines } = await shop();
  const stop = new AbortController();
  const load = runLoad({
    url: `${proxy.url}/cart?token=secret`,
    rate: 300,
    keepAlive: 4,
    fresh: 4,
    post: 2,
    signal: stop.signal,
  });
  await until(() => lines().length > 100);
  renameSync(path, `${path}.1`);
  await until(() => lines().length > 100);
  stop.abort();
  const { requests, ok } = await load;
  expect(ok).toBe(requests);
  const all = await until(() => {
    const found = [...linesOf(`${path}.1`), ...lines()];
    return found.length >= requests && found;
  });
  const entries = all.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries).toHaveLength(requests);
  expect(new Set(entries.map(({ path: target }) => target))).toEqual(new Set(["/cart", "/api/orders"]));
  expect(entries.find(({ method }) => method === "GET")).toEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    client: "127.0.0.1",
    method: "GET",
    path: "/cart",
    status: 200,
    bytes: 6,
    ms: expect.any(Number) as number,
    upstreamMs: expect.any(Number) as number,
    app: "shop",
    release: "r1",
    instance: "web.r1.1",
    column: "served",
    retries: 0,
    requestId: expect.stringMatching(/^[0-9a-f]+$/) as string,
  });
  expect(new Set(entries.map(({ requestId }) => requestId)).size).toBe(requests);
});

test("combined lines hold what a client sends, and nothing of it ends the line", { timeout: LIMIT_MS }, async () => {
  const { proxy, lines } = await shop({ format: "combined", query: true });
  await fetch(`${proxy.url}/a?b=1`, { headers: { "user-agent": 'x" 200 \\', referer: "http://here/" } });
  const [line] = await until(() => lines().length > 0 && lines());
  expect(line).toMatch(
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=1 HTTP\/1\.1" 200 6 "http:\/\/here\/" "x\\x22 200 \\x5c"$/,
  );
});

test("what the proxy answers itself is there too", { timeout: LIMIT_MS }, async () => {
  const { proxy, path, lines } = await shop();
  await proxy.route([], {
    proxy: { holdMs: 0, firstByteTimeoutMs: 0, accessLog: { format: "json", path, sample: 1, query: false } },
  });
  expect((await fetch(proxy.url)).status).toBe(503);
  const [line = ""] = await until(() => lines().length > 0 && lines());
  expect(JSON.parse(line)).toMatchObject({ status: 503, column: "failed", instance: null, upstreamMs: null });
});

test("so are maintenance pages and redirects to HTTPS, over HTTP/1.1 and HTTP/2", { timeout: LIMIT_MS }, async () => {
  const path = join(temporaryDirectory(), "access.log");
  const accessLog = { format: "json", path, sample: 1, query: true } as const;
  const parts = { proxy: { holdMs: 0, firstByteTimeoutMs: 0, http2Cleartext: true, accessLog } };
  const proxy = await WireProxy.start([], parts);
  const session = await connectHttp2(proxy.port);
  const maintenance = { status: 503, retryAfterS: null, page: null, allow: [], allowCookies: [] };
  const redirect = { exceptPaths: [], port: 443 };
  for (const [name, table] of [
    ["maintained", { gate: { maintenance, exceptPaths: [] } }],
    ["redirected", { tls: { ...PLAIN_TLS, redirect } }],
  ] as const) {
    proxy.route([], table);
    const client = await connectRaw(proxy.port);
    client.send(`GET /${name}?h1 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.answer();
    await ask(session, { ":path": `/${name}?h2` });
  }
  const lines = await until(() => linesOf(path).length === 4 && linesOf(path));
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries.map(({ path: target, status, column, instance }) => [target, status, column, instance])).toEqual([
    ["/maintained?h1", 503, "maintenance", null],
    ["/maintained?h2", 503, "maintenance", null],
    ["/redirected?h1", 308, "served", null],
    ["/redirected?h2", 308, "served", null],
  ]);
});

test("no line with a sample of nothing, and no file", { timeout: LIMIT_MS }, async () => {
  const { proxy, path } = await shop({ sample: 0 });
  expect((await fetch(proxy.url)).status).toBe(200);
  await proxy.traffic.ledger(ProxyProgram.app);
  expect(existsSync(path)).toBe(false);
});

test("a disk that takes nothing costs lines, which are counted, and a bounded memory", async () => {
  const file = new LogFile("/dev/full");
  const line = `${"x".repeat(999)}\n`;
  for (let lines = 0; lines < 5_000; lines += 1) file.append(line);
  let dropped = 0;
  await until(async () => {
    await turn();
    dropped += file.takeDropped();
    return dropped === 5_000;
  });
});
