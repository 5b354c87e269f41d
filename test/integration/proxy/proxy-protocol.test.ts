import { describe, expect, onTestFinished, test } from "vitest";
import { DEFAULT_FORWARDING } from "../../../src/core/forwarding.ts";
import { CLAIM_OF_EVERYTHING, DEFAULT_ROUTING } from "../../../src/core/routing.ts";
import { bind } from "../../../src/proxy/holder/listening-socket.ts";
import { Worker } from "../../../src/proxy/worker/worker.ts";
import { startHaproxy } from "../../support/balancers.ts";
import { isInstalled } from "../../support/found.ts";
import { connectRaw } from "../../support/wire/raw-client.ts";
import { startAnswering } from "../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";

const HEADER = "PROXY TCP4 9.8.7.6 127.0.0.1 8080 80\r\n";
const KEY = "127.0.0.1:0";
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

  test("counts from the moment the address is opened, before the app's first table has come", async () => {
    const { socket, worker } = await listeningOnly(["127.0.0.1"]);
    const client = await connectRaw(socket.address.port);
    client.send(`${HEADER}${REQUEST}`);
    // There is nobody yet to answer it; but it was understood.
    expect(await client.status()).toBe(503);
    const plain = await connectRaw(socket.address.port);
    plain.send(REQUEST);
    await plain.gone();
    expect(plain.received).toBe("");
    worker.take({ kind: "unlisten", id: 2, listener: KEY, app: "app" });
    const stranger = await listeningOnly(["10.0.0.0/8"]);
    const other = await connectRaw(stranger.socket.address.port);
    other.send(`${HEADER}${REQUEST}`);
    await other.gone();
    expect(other.received).toBe("");
  });

  test("where apps share the address, whoever is believed is so by all of them", async () => {
    const { proxy } = await stand(["127.0.0.1"]);
    const client = await connectRaw(proxy.port);
    client.send(`${HEADER}${REQUEST}`);
    expect(await client.status()).toBe(200);
    const forwarding = { ...DEFAULT_FORWARDING, trustedProxies: ["10.0.0.0/8"] };
    proxy.serveAnother("other", {
      proxy: { holdMs: 0, firstByteTimeoutMs: 0, forwarding, proxyProtocol: { in: "require" } },
      routing: { ...DEFAULT_ROUTING, claim: { ...CLAIM_OF_EVERYTHING, hosts: ["b"] } },
    });
    const second = await connectRaw(proxy.port);
    second.send(`${HEADER}${REQUEST}`);
    await second.gone();
    expect(second.received).toBe("");
  });

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

/** A worker that accepts for an app whose table is on its way. */
async function listeningOnly(trusted: readonly string[]) {
  const socket = await bind({ host: "127.0.0.1", port: 0 });
  const worker = new Worker({ send: () => undefined, exit: () => undefined });
  onTestFinished(() => {
    worker.shutdown(0, "end");
  });
  worker.take({ kind: "listen", id: 1, listener: KEY, app: "app", secure: null, proxied: { trusted } }, socket.handle);
  return { socket, worker };
}

function clientIn(head = ""): string | undefined {
  return /X-Forwarded-For: ([^\r]*)/.exec(head)?.[1];
}
