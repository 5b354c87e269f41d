import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startProxy, tableFor, type TestProxy } from "../../support/tls/proxy.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";

const REQUESTS = 20_000;
const CONNECTIONS = 16;
/** Sent ahead on one connection. */
const AHEAD = 25;
const WITHIN = REQUESTS / 100;
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async function instance(): Promise<number> {
  const server = createServer((_request, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Each release has two instances, in two workers: none of them knows what the other has given to whom. */
async function weighted(weights: readonly number[]): Promise<TestProxy> {
  const proxy = await startProxy();
  const pools = await Promise.all(
    weights.map(async (weight, at) => {
      const release = `r${String(at + 1)}`;
      const ports = [await instance(), await instance()];
      const targets = ports.map((port, index) => ({
        instance: `${release}.${String(index)}`,
        host: "127.0.0.1",
        port,
        health: null,
      }));
      return { release, weight, targets };
    }),
  );
  await proxy.traffic.apply(tableFor(0, null, { pools }));
  return proxy;
}

async function load(proxy: TestProxy): Promise<ReadonlyMap<string, number>> {
  const { plain } = await proxy.ports();
  const each = REQUESTS / CONNECTIONS;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = await connectRaw(plain);
      for (let sent = 0; sent < each; sent += AHEAD) {
        client.send(REQUEST.repeat(AHEAD));
        for (let answered = 0; answered < AHEAD; answered += 1) expect(await client.status()).toBe(200);
      }
    }),
  );
  const ledger = await proxy.traffic.ledger("shop");
  return new Map((ledger?.rows ?? []).map(({ release, counts }) => [release, counts.served]));
}

test("weights hold within 1 % over 20,000 requests in two workers", { timeout: 120_000 }, async () => {
  const served = await load(await weighted([70, 25, 5]));
  const shares = { r1: 0.7, r2: 0.25, r3: 0.05 };
  expect([...served.values()].reduce((sum, count) => sum + count, 0)).toBe(REQUESTS);
  for (const [release, share] of Object.entries(shares)) {
    expect(Math.abs((served.get(release) ?? 0) - share * REQUESTS), release).toBeLessThanOrEqual(WITHIN);
  }
});

test("0 and 100 % hold exactly", { timeout: 120_000 }, async () => {
  expect(await load(await weighted([0, 100]))).toEqual(new Map([["r2", REQUESTS]]));
});
