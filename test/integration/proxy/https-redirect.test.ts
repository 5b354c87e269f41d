import { describe, expect, test } from "vitest";
import { parseCertificate } from "../../../src/proxy/tls/certificate.ts";
import type { Certificate } from "../../../src/proxy/tls/certificate.ts";
import { ask as askHttp2, connectHttp2 } from "../../support/http2/client.ts";
import { issue } from "../../support/tls/issue.ts";
import { WireProxy } from "../../support/wire/wire-proxy.ts";
import { temporaryDirectory } from "../../support/temp.ts";
import { ask, get } from "../../support/tls/client.ts";
import { filesFor } from "../../support/tls/files.ts";
import { startEcho, startProxy, tableFor } from "../../support/tls/proxy.ts";
import { run } from "../../support/tls/run.ts";

const REDIRECT = { exceptPaths: ["/up"], port: 443 };

async function serve(tls: object, fields = {}) {
  const files = await filesFor(temporaryDirectory(), ["shop.test"]);
  const proxy = await startProxy();
  await proxy.traffic.apply(tableFor(await startEcho(fields), { certificates: [files], ...tls }));
  return { proxy, ...(await proxy.ports()) };
}

async function certificateFor(name: string): Promise<{ certificate: Certificate }> {
  const { cert, key } = await issue([name]);
  const { certificate } = parseCertificate(cert, key);
  if (certificate === null) throw new Error("the certificate is not valid");
  return { certificate };
}

async function curl(port: number, path: string, ...more: readonly string[]): Promise<string> {
  return (await run("curl", ["-sS", "-i", "--path-as-is", ...more, `http://127.0.0.1:${String(port)}${path}`])).stdout;
}

describe("the way from HTTP to HTTPS", () => {
  test("keeps method, host and path", async () => {
    const { plain } = await serve({ redirect: REDIRECT });
    const answer = await curl(plain, "/a/../b//c?x=%zz&y", "-H", "Host: Shop.test:8080");
    expect(answer).toContain("HTTP/1.1 308 Permanent Redirect\r\n");
    expect(answer).toContain("\r\nLocation: https://Shop.test/a/../b//c?x=%zz&y\r\n");
    expect(answer).not.toContain("Connection: close");
    expect(await curl(plain, "/", "-I", "-H", "Host: shop.test")).toMatch(/308[^]*Location: https:\/\/shop.test\/\r\n/);
  });

  test("names the port that is not the usual one", async () => {
    const { plain } = await serve({ redirect: { ...REDIRECT, port: 8443 } });
    expect(await curl(plain, "/", "-H", "Host: [::1]:80")).toContain("Location: https://[::1]:8443/\r\n");
  });

  test("ends the connection of a request whose body is not read", async () => {
    const { plain } = await serve({ redirect: REDIRECT });
    const answer = await curl(plain, "/orders", "-d", "GET /evil HTTP/1.1\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 308 [^]*Connection: close\r\n/);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test("is not for health checks, nor for what is over TLS already", async () => {
    const { plain, secure } = await serve({ redirect: REDIRECT });
    expect(await curl(plain, "/up?full=1")).toContain("200 OK");
    expect(await curl(plain, "/up/more")).toContain("308");
    expect((await ask(secure, { servername: "shop.test" })).text).toContain("200 OK");
  });

  test("is not gone without being asked for", async () => {
    const { plain } = await serve({});
    expect(await curl(plain, "/")).toContain("200 OK");
  });

  test("is in the ledger, so that the sums are equal", async () => {
    const { plain, proxy } = await serve({ redirect: REDIRECT });
    await curl(plain, "/");
    const ledger = await proxy.traffic.ledger("shop");
    expect(ledger?.rows).toEqual([
      expect.objectContaining({ release: "-", counts: expect.objectContaining({ served: 1 }) as unknown }),
    ]);
    expect(ledger?.inFlight).toBe(0);
  });
});

describe("Strict-Transport-Security", () => {
  const hsts = "max-age=600; includeSubDomains";

  test("is sent over TLS only", async () => {
    const { plain, secure } = await serve({ hsts });
    expect((await ask(secure, { servername: "shop.test" })).text).toContain(`\r\nStrict-Transport-Security: ${hsts}\r\n`);
    expect(await curl(plain, "/")).not.toMatch(/strict-transport-security/i);
  });

  test("is sent with the proxy's own answers for the app, too, over TLS and in both protocols; not where no app was asked", async () => {
    const { certificate } = await certificateFor("shop.test");
    const maintenance = { status: 503, retryAfterS: null, page: null, allow: [], allowCookies: [] };
    const proxy = await WireProxy.start([], { secure: { certificate, hsts } });
    const field = `\r\nStrict-Transport-Security: ${hsts}\r\n`;
    const session = await connectHttp2(proxy.port, { secure: true, servername: "shop.test" });
    const h2 = async (): Promise<unknown> => {
      const { status, headers } = await askHttp2(session, { ":authority": "shop.test" });
      return [status, headers["strict-transport-security"]];
    };
    for (const gate of [undefined, { maintenance, exceptPaths: [] }]) {
      proxy.route([], gate === undefined ? {} : { gate });
      const { text } = await ask(proxy.port, { servername: "shop.test" });
      expect(text).toMatch(/^HTTP\/1.1 503 /);
      expect(text).toContain(field);
      expect(text.match(/Strict-Transport-Security/g)).toHaveLength(1);
      expect(await h2()).toEqual([503, hsts]);
    }
    const malformed = await ask(proxy.port, { servername: "shop.test" }, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    expect(malformed.text).toMatch(/^HTTP\/1.1 400 /);
    expect(malformed.text).not.toContain(field);
  });

  test("of the application itself stands", async () => {
    const { secure } = await serve({ hsts }, { "strict-transport-security": "max-age=1" });
    const { text } = await ask(secure, { servername: "shop.test" }, get());
    expect(text.match(/strict-transport-security: [^\r]*/gi)).toEqual(["strict-transport-security: max-age=1"]);
  });
});
