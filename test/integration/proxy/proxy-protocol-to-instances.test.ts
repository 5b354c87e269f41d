import { connect as connectHttp2 } from "node:http2";
import { describe, expect, onTestFinished, test } from "vitest";
import { PROXY_PROTOCOL_VERSIONS, type ProxyProtocolVersion } from "../../../src/core/forwarding.ts";
import { probe } from "../../../src/proxy/holder/probe.ts";
import { startHaproxy, startNginx } from "../../support/balancers.ts";
import { isInstalled } from "../../support/found.ts";
import { connectRaw, type RawClient } from "../../support/wire/raw-client.ts";
import { ScriptedUpstream, startAnswering } from "../../support/wire/scripted-upstream.ts";
import { WireProxy, type WireProxyOptions } from "../../support/wire/wire-proxy.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("an instance that is told by the PROXY protocol whose a connection is", () => {
  test("hears it once, before everything else, and gets nobody else's requests on that connection", async () => {
    const upstream = await ScriptedUpstream.start(answeringAfterHeader);
    const proxy = await proxyTo(upstream.port, "v1");
    const [one, two] = [await connectRaw(proxy.port), await connectRaw(proxy.port, "127.0.0.2")];
    for (const client of [one, two, one, two, one]) {
      client.send(REQUEST);
      expect(await client.status()).toBe(200);
    }
    expect(upstream.peers.map(({ received }) => received.split("\r\n")[0])).toEqual(
      [one, two].map((client) => `PROXY TCP4 ${endsOf(client)}`),
    );
    expect(upstream.peers.map(({ received }) => received.split("GET / HTTP/1.1").length - 1)).toEqual([3, 2]);
    expect(upstream.received.match(/PROXY/g)).toHaveLength(2);
  });

  test("hears of the client that a balancer in front names", async () => {
    const upstream = await ScriptedUpstream.start(answeringAfterHeader);
    const proxy = await proxyTo(upstream.port, "v1", { proxy: { proxyProtocol: { in: "require" } } });
    const client = await connectRaw(proxy.port);
    client.send(`PROXY TCP4 9.8.7.6 10.0.0.1 1234 443\r\n${REQUEST}`);
    expect(await client.status()).toBe(200);
    expect(upstream.received.startsWith("PROXY TCP4 9.8.7.6 10.0.0.1 1234 443\r\nGET / ")).toBe(true);
  });

  test("hears it for the clients of HTTP/2, too", async () => {
    const upstream = await ScriptedUpstream.start(answeringAfterHeader);
    const proxy = await proxyTo(upstream.port, "v1", { proxy: { http2Cleartext: true } });
    const session = connectHttp2(`http://127.0.0.1:${String(proxy.port)}`);
    onTestFinished(() => {
      session.destroy();
    });
    const stream = session.request({ ":path": "/" });
    const status = await new Promise((resolve) =>
      stream.on("response", (fields) => {
        resolve(fields[":status"]);
      }),
    );
    expect(status).toBe(200);
    const { localPort = 0 } = session.socket;
    expect(upstream.received).toContain(`PROXY TCP4 127.0.0.1 127.0.0.1 ${String(localPort)} ${String(proxy.port)}\r\nGET / `);
  });

  test.skipIf(!isInstalled("haproxy")).each(PROXY_PROTOCOL_VERSIONS)("as HAProxy reads it: %s", async (version) => {
    const { seen, proxy, port } = await behindHaproxy(version);
    const [one, two] = [await connectRaw(proxy.port), await connectRaw(proxy.port, "127.0.0.3")];
    for (const client of [one, two, one]) {
      client.send(REQUEST);
      expect(await client.status()).toBe(200);
    }
    expect(seen()).toEqual([one, two, one].map(endsOf));
    const health = {
      path: "/up",
      host: null,
      intervalMs: 1_000,
      timeoutMs: 2_000,
      passes: 1,
      failures: 1,
      proxyProtocol: version,
    };
    expect(await probe({ host: "127.0.0.1", port }, health)).toMatchObject({ kind: "pass" });
    const { proxyProtocol, ...silent } = health;
    expect((await probe({ host: "127.0.0.1", port }, silent)).kind).toBe("fail");
  });

  test.skipIf(!isInstalled("nginx")).each(PROXY_PROTOCOL_VERSIONS)("as nginx reads it: %s", async (version) => {
    const port = await startNginx(
      ["keepalive_timeout 60s", 'return 200 "$proxy_protocol_addr $proxy_protocol_port"'],
      "proxy_protocol",
    );
    const proxy = await proxyTo(port, version);
    for (const address of ["127.0.0.1", "127.0.0.4"]) {
      const client = await connectRaw(proxy.port, address);
      client.send(REQUEST);
      expect((await client.answer()).body).toBe(`${address} ${String(client.socket.localPort)}`);
    }
  });
});

/** HAProxy writes down what it has read in a field of each request, for the application behind it. */
async function behindHaproxy(version: ProxyProtocolVersion) {
  const upstream = await startAnswering();
  const says = "http-request set-header X-Seen %[src]\\ %[dst]\\ %[src_port]\\ %[dst_port]";
  const port = await startHaproxy(["mode http", says, `server s 127.0.0.1:${String(upstream.port)}`], "accept-proxy");
  const proxy = await proxyTo(port, version);
  const seen = (): unknown[] => upstream.requests.map(({ raw }) => /X-Seen: ([^\r]*)/i.exec(raw)?.[1]);
  return { proxy, port, seen };
}

async function proxyTo(port: number, proxyProtocol: ProxyProtocolVersion, options: WireProxyOptions = {}): Promise<WireProxy> {
  const target = { instance: "i1", host: "127.0.0.1", port, proxyProtocol, health: null };
  return WireProxy.start([], { ...options, table: { pools: [{ release: "r1", weight: 1, targets: [target] }] } });
}

async function answeringAfterHeader(peer: Parameters<ScriptedUpstream["script"]>[0]): Promise<void> {
  await peer.until("the header", () => {
    const end = peer.text.indexOf("\r\n");
    if (end >= 0) peer.text = peer.text.slice(end + 2);
    return end < 0 ? null : true;
  });
  for (;;) {
    await peer.request();
    peer.send(OK);
  }
}

function endsOf({ socket }: RawClient): string {
  const { localAddress = "", remoteAddress = "", localPort = 0, remotePort = 0 } = socket;
  return `${localAddress} ${remoteAddress} ${String(localPort)} ${String(remotePort)}`;
}
