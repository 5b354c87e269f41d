import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { HealthSpec } from "../../../src/core/app-spec.ts";
import { probe } from "../../../src/proxy/holder/probe.ts";
import { issue } from "../../support/tls/issue.ts";

const HEALTH: HealthSpec = { path: "/up", host: null, intervalMs: 1_000, timeoutMs: 10_000, passes: 1, failures: 1 };

/** Answers whom it was asked for. */
const who: RequestListener = (request, response) =>
  response.writeHead(503).end(`${request.headers.host ?? ""}${request.url ?? ""}`);

async function listening(server: Server): Promise<{ host: string; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

test("scenario 20: a health check may be made by TLS, with a Host field of its own, whatever the certificate is for", async () => {
  const target = await listening(createHttps(await issue(["somebody.else"]), who));
  expect(await probe(target, { ...HEALTH, tls: true, host: "shop.test" })).toMatchObject({
    saw: "status 503, body: shop.test/up",
  });
  expect(await probe(target, HEALTH), "without TLS it is not understood").toMatchObject({ kind: "fail" });
});

test("scenario 20: where TLS is expected and plain HTTP is spoken the check fails, and says so", async () => {
  const outcome = await probe(await listening(createHttp(who)), { ...HEALTH, tls: true });
  expect(outcome).toMatchObject({ kind: "fail", reason: "garbage", saw: "an answer that is not TLS" });
});
