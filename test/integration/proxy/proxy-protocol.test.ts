import { describe, expect, test } from "vitest";
import { DEFAULT_FORWARDING } from "../../../src/core/forwarding.ts";
import { startHaproxy } from "../../support/balancers.ts";
import { isInstalled } from "../../support/found.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";
import { startAnswering } from "../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";

const HEADER = "PROXY TCP4 9.8.7.6 127.0.0.1 8080 80\r\n";
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("the PROXY protocol, required", () => {
  test("says who the client is, on each request of the connection, wherever it is cut", async () => {
    const { upstream, proxy } = await stand();
    const text = `${HEADER}${REQUEST}`;
    for (let cut = 1; cut <= HEADER.length + 3; cut += 1) {
      const client = await connectRaw(proxy.port);
      client.send(text.slice(0, cut));
      await new Promise(setImmediate);
      client.send(text.slice(cut));
      expect(await client.status()).toBe(200);
      client.send(REQUEST);
      expect(await client.status()).toBe(200);
    }
    expect(new Set(upstream.requests.map(({ raw }) => clientIn(raw)))).toEqual(new Set(["9.8.7.6"]));
  });

  test("a header about the connection itself leaves the address as it is", async () => {
    const { upstream, proxy } = await stand();
    const client = await connectRaw(proxy.port);
    client.send(`PROXY UNKNOWN\r\n${REQUEST}`);
    expect(await client.status()).toBe(200);
    expect(clientIn(upstream.requests[0]?.raw)).toBe("127.0.0.1");
  });

  test.each([REQUEST, `PROXY TCP4 x y 1 2\r\n${REQUEST}`, "PROXY TCP4"])(
    "without a valid one no byte is answered: %j",
    async (text) => {
      const { upstream, proxy } = await stand();
      const client = await connectRaw(proxy.port);
      client.send(text);
      await client.gone();
      expect(client.received).toBe("");
      expect(upstream.received).toBe("");
    },
  );

  test("who is not trusted may not say who it is", async () => {
    const { upstream, proxy } = await stand(["10.0.0.0/8"]);
    const client = await connectRaw(proxy.port);
    client.send(`${HEADER}${REQUEST}`);
    await client.gone();
    expect(client.received + upstream.received).toBe("");
  });

  test.skipIf(!isInstalled("haproxy"))("HAProxy's send-proxy and send-proxy-v2", async () => {
    const { upstream, proxy } = await stand();
    for (const send of ["send-proxy", "send-proxy-v2"]) {
      const port = await startHaproxy(["mode tcp", `server s 127.0.0.1:${String(proxy.port)} ${send}`]);
      const before = upstream.requests.length;
      const client = await connectRaw(port);
      client.send(REQUEST);
      expect(await client.status()).toBe(200);
      expect(upstream.requests.length).toBe(before + 1);
      expect(clientIn(upstream.requests.at(-1)?.raw)).toBe("127.0.0.1");
    }
  });
});

async function stand(trustedProxies: readonly string[] = []) {
  const upstream = await startAnswering();
  const forwarding = { ...DEFAULT_FORWARDING, via: null, trustedProxies };
  const proxy = await WireProxy.start([upstream.port], { proxy: { forwarding, proxyProtocol: { in: "require" } } });
  return { upstream, proxy };
}

function clientIn(head = ""): string | undefined {
  return /X-Forwarded-For: ([^\r]*)/.exec(head)?.[1];
}
