import { expect, test } from "vitest";
import { DEFAULT_FORWARDING, type ForwardingSpec } from "../../../../src/core/forwarding.ts";
import { ask, connectHttp2 } from "../../../support/http2/client.ts";
import { connectRaw } from "../../../support/wire/raw-client.ts";
import { startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

const SEVEN = Array.from({ length: 7 }, () => "1.1 hitless").join(", ");

async function stand(forwarding: Partial<ForwardingSpec> = {}) {
  const upstream = await startAnswering();
  const proxy = { forwarding: { ...DEFAULT_FORWARDING, ...forwarding }, http2Cleartext: true };
  return { upstream, proxy: await WireProxy.start([upstream.port], { proxy }) };
}

test("F9: a request that goes round in a circle ends with 508, refused once and with its code", async () => {
  const { proxy } = await stand();
  proxy.route([proxy.port]);
  const client = await connectRaw(proxy.port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await client.answer();
  expect(answer.startLine).toBe("HTTP/1.1 508 Loop Detected");
  expect(answer.body).toContain("ERR_FORWARDING_LOOP");
  expect(await proxy.ledger()).toEqual({ refused: 1, appError: 8 });
});

test.each([
  ["seven times", `Via: ${SEVEN}\r\n`, {}, 200],
  ["eight times", `Via: ${SEVEN}\r\nvia: HTTP/1.1 hitless (a comment)\r\n`, {}, 508],
  ["of another name", `Via: ${SEVEN}, 1.1 hitless2\r\nX: 1.1 hitless\r\n`, {}, 200],
  ["of our own choice", `Via: ${SEVEN.replaceAll("hitless", "edge")}, 1.0 edge\r\n`, { via: "edge" }, 508],
  ["without a name", `Via: ${SEVEN}, ${SEVEN}\r\n`, { via: null }, 200],
])("F9: Via that names us %s", async (_, lines, forwarding, status) => {
  const { proxy, upstream } = await stand(forwarding);
  const client = await connectRaw(proxy.port);
  client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  expect(await client.status()).toBe(status);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await client.status()).toBe(200);
  expect(upstream.requests).toHaveLength(status === 200 ? 2 : 1);
});

test("F9: over HTTP/2", async () => {
  const { proxy, upstream } = await stand();
  const session = await connectHttp2(proxy.port);
  expect((await ask(session, { via: `${SEVEN}, 2 hitless` })).status).toBe(508);
  expect((await ask(session, { via: SEVEN })).status).toBe(200);
  expect(upstream.requests).toHaveLength(1);
  expect(await proxy.ledger()).toEqual({ served: 1, refused: 1 });
});
