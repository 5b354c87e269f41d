import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RouteTable } from "../../../src/core/routes.ts";
import { freePort } from "../../support/free-port.ts";
import { isInstalled } from "../../support/found.ts";
import { ProxyProgram } from "../../support/proxy-program.ts";
import { shopUpstream } from "../../support/shop-upstream.ts";
import { until } from "../../support/temp.ts";

const LIMIT_MS = 60_000;

/** 3 served, and one refused for each of three reasons. */
async function used(): Promise<ProxyProgram> {
  const upstream = await shopUpstream();
  const proxy = await ProxyProgram.started(await freePort());
  await proxy.route([upstream.target]);
  for (let requests = 0; requests < 3; requests += 1) expect((await fetch(proxy.url)).status).toBe(200);
  const long = "x".repeat(20_000);
  for (const [status, request] of [
    [400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"],
    [414, `GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\nHost: x\r\nA: ${long}\r\nB: ${long}\r\n\r\n`],
  ] as const) {
    const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1");
    socket.end(request);
    expect(await text(socket)).toContain(`HTTP/1.1 ${String(status)} `);
  }
  return proxy;
}

const SERIES = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf)$/;

/** By name and labels. Strict: every series belongs to the family announced before it, and comes once. */
function parsed(metrics: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const families = new Set<string>();
  let family = "";
  expect(metrics.endsWith("\n")).toBe(true);
  for (const line of metrics.split("\n").slice(0, -1)) {
    const [, name] = /^# HELP ([a-z_]+) \S.*$/.exec(line) ?? [];
    if (name !== undefined) {
      expect(families, "one family once").not.toContain(name);
      families.add(name);
      family = name;
    } else if (line.startsWith("#")) expect(line).toMatch(new RegExp(`^# TYPE ${family} (?:counter|gauge|histogram)$`));
    else {
      const [, series = "", labels = "", value = ""] = SERIES.exec(line) ?? [];
      expect(series.replace(/_(?:bucket|sum|count)$/, ""), line).toBe(family);
      expect(found.has(series + labels), line).toBe(false);
      found.set(series + labels, Number(value));
    }
  }
  return found;
}

describe("the metrics", { timeout: LIMIT_MS }, () => {
  test("scenario 105: are what happened, each refusal under its status", async () => {
    const proxy = await used();
    const metrics = parsed(await proxy.traffic.metrics());
    expect(metrics.get('hitless_requests_total{app="shop",release="r1",column="served"}')).toBe(3);
    expect(metrics.get('hitless_responses_total{app="shop",release="r1",class="2xx"}')).toBe(3);
    for (const status of ["400", "414", "431"])
      expect(metrics.get(`hitless_requests_refused_total{app="shop",status="${status}"}`)).toBe(1);
    expect(metrics.get('hitless_responses_total{app="shop",release="-",class="4xx"}')).toBe(3);
    expect(metrics.get('hitless_request_duration_seconds_bucket{app="shop",release="r1",le="+Inf"}')).toBe(3);
    expect(metrics.get('hitless_request_duration_seconds_count{app="shop",release="r1"}')).toBe(3);
    expect(metrics.get('hitless_target_requests_total{app="shop",instance="web.r1.1"}')).toBe(3);
    expect(metrics.get('hitless_target_up{app="shop",instance="web.r1.1"}')).toBe(1);
    expect(metrics.get('hitless_route_table_revision{app="shop"}')).toBe(1);
    expect(metrics.get("hitless_proxy_workers")).toBe(2);
  });

  test("scenario 105: go on over an upgrade, and forget targets that are gone", async () => {
    const proxy = await used();
    await proxy.upgrade();
    await proxy.route([]);
    const metrics = parsed(await proxy.traffic.metrics());
    expect(metrics.get('hitless_responses_total{app="shop",release="r1",class="2xx"}')).toBe(3);
    expect(metrics.get('hitless_requests_refused_total{app="shop",status="414"}')).toBe(1);
    expect([...metrics.keys()].filter((series) => series.includes("web.r1.1"))).toEqual([]);
  });
});

describe("the metrics on an address of their own", { timeout: LIMIT_MS }, () => {
  const at = (port: number): Partial<RouteTable> => ({
    proxy: { holdMs: 20_000, firstByteTimeoutMs: 60_000, metrics: { host: "127.0.0.1", port } },
  });
  const scrape = async (port: number, path = "/metrics", method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, { method, headers: { connection: "close" } });
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
  };
  /** Null while nothing answers there. */
  const seen = (port: number) => scrape(port).catch(() => null);

  test("are the same, there alone, go on over an upgrade, and end with the key", async () => {
    const upstream = await shopUpstream();
    const port = await freePort();
    const proxy = await ProxyProgram.started(await freePort());
    await proxy.route([upstream.target], at(port));
    await fetch(proxy.url);
    const { status, type, text } = await until(() => seen(port), { what: "the metrics are served" });
    expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(parsed(text).get('hitless_requests_total{app="shop",release="r1",column="served"}')).toBe(1);
    expect((await scrape(port, "/metrics?x=1", "HEAD")).status).toBe(200);
    expect((await scrape(port, "/")).status).toBe(404);
    expect((await scrape(port, "/metrics", "POST")).status).toBe(405);
    await proxy.upgrade();
    const version = 'hitless_proxy_info{version="2"} 1';
    await until(async () => (await seen(port))?.text.includes(version), { what: "the new generation serves the metrics" });
    await proxy.route([upstream.target]);
    await until(async () => (await seen(port)) === null, { what: "the metrics are not served any more" });
  });

  test("that is taken is said and tried again; traffic does not feel it", async () => {
    const upstream = await shopUpstream();
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => {
      other.close();
    });
    const { port } = other.address() as AddressInfo;
    const proxy = await ProxyProgram.started(await freePort());
    await proxy.route([upstream.target], at(port));
    expect((await fetch(proxy.url)).status).toBe(200);
    const warnings = async () => (await proxy.traffic.status()).apps[0]?.warnings;
    await expect.poll(warnings, { timeout: 10_000 }).toEqual([expect.stringContaining("ERR_LISTEN_ADDRESS_TAKEN")]);
    other.close();
    await until(() => seen(port), { what: "the metrics are served" });
    expect(await warnings()).toEqual([]);
  });
});

describe.skipIf(!isInstalled("promtool"))("promtool", { timeout: LIMIT_MS }, () => {
  test("finds nothing wrong with the metrics", async () => {
    const proxy = await used();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: await proxy.traffic.metrics() });
    expect({ status, said: `${String(stdout)}${String(stderr)}` }).toEqual({ status: 0, said: "" });
  });
});
