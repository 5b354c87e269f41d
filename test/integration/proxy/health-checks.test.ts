import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { HealthSpec } from "../../../src/core/app-spec.ts";
import type { RouteTable } from "../../../src/core/routes.ts";
import { HealthChecks } from "../../../src/proxy/holder/health-checks.ts";

/** Is well by `/up` and sick by `/ready`. */
async function instance(): Promise<number> {
  const server = http.createServer((request, response) => {
    response.writeHead(request.url === "/up" ? 200 : 500).end();
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return (server.address() as AddressInfo).port;
}

function table(port: number, revision: number, health: Partial<HealthSpec>, healthPort?: number): RouteTable {
  const checks = { path: "/up", host: null, intervalMs: 10, timeoutMs: 5_000, passes: 1, failures: 1, ...health };
  const targets = [{ instance: "web.r1.1", host: "127.0.0.1", port, healthPort, health: checks }];
  const pools = [{ release: "r1", weight: 1, targets }];
  const proxy = { holdMs: 1_000, firstByteTimeoutMs: 1_000 };
  return { app: "shop", epoch: 1, revision, listen: { host: "127.0.0.1", port: 0 }, tls: null, proxy, pools };
}

test("an instance that is to be checked in another way is checked so from then on, and is what it was until then", async () => {
  let changed = Promise.withResolvers<undefined>();
  const checks = new HealthChecks(() => {
    changed.resolve(undefined);
    changed = Promise.withResolvers();
  });
  onTestFinished(() => {
    checks.close();
  });
  const port = await instance();
  checks.apply(table(port, 1, {}));
  checks.apply(table(port, 2, { path: "/ready" }));
  await changed.promise;
  expect(checks.down("shop")).toEqual(["web.r1.1"]);
  expect(checks.lastFailure("shop", "web.r1.1")).toContain("500");

  const again = changed.promise;
  checks.apply(table(port, 3, { path: "/up" }));
  expect(checks.down("shop")).toEqual(["web.r1.1"]);
  await again;
  expect(checks.down("shop")).toEqual([]);
});

test("scenario 20: an instance with a port for its checks alone is checked there", async () => {
  const changed = Promise.withResolvers<undefined>();
  const checks = new HealthChecks(() => {
    changed.resolve(undefined);
  });
  onTestFinished(() => {
    checks.close();
  });
  // Where it serves nothing listens, so that a check there says another thing.
  checks.apply(table(1, 1, { path: "/ready" }, await instance()));
  await changed.promise;
  expect(checks.lastFailure("shop", "web.r1.1")).toContain("status 500");
});
