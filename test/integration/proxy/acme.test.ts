import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AcmeSpec, CertificateStatus } from "../../../src/core/tls.ts";
import { AcmeFiles } from "../../../src/proxy/tls/acme/acme-files.ts";
import { temporaryDirectory, until } from "../../support/temp.ts";
import { ask } from "../../support/tls/client.ts";
import { filesFor } from "../../support/tls/files.ts";
import { issue } from "../../support/tls/issue.ts";
import { freePort } from "../../support/free-port.ts";
import { PEBBLE_MISSING, startPebble } from "../../support/tls/pebble.ts";
import { startEcho, startProxy, tableFor, type TestProxy } from "../../support/tls/proxy.ts";

const LIMIT = { within: 60_000 };

async function places() {
  return { plainPort: await freePort(), securePort: await freePort() };
}

function tableOn({ plainPort, securePort }: { plainPort: number; securePort: number }, echo: number, tls: object) {
  return tableFor(
    echo,
    { listen: { host: "127.0.0.1", port: securePort }, ...tls },
    { listen: { host: "127.0.0.1", port: plainPort } },
  );
}

async function certificates(proxy: TestProxy): Promise<readonly CertificateStatus[]> {
  return (await proxy.status()).tls?.certificates ?? [];
}

/** All domains have a certificate. */
function untilIssued(proxy: TestProxy): Promise<unknown> {
  return until(
    async () => (await certificates(proxy)).every(({ expiresAt, problem }) => expiresAt !== null && problem === null),
    {
      ...LIMIT,
      what: `every domain has its certificate; the log: ${proxy.log}`,
    },
  );
}

/** Names that a new connection is shown for that name. */
async function shown(port: number, servername: string): Promise<boolean> {
  const answer = await ask(port, { servername }).catch(() => null);
  return answer?.text.includes("200 OK") === true;
}

async function stored(state: string, acme: AcmeSpec, domain: string, pair: { cert: string; key: string }): Promise<void> {
  await new AcmeFiles(join(state, "proxy", "acme")).saveCertificate(acme.directory, domain, pair);
}

describe.skipIf(PEBBLE_MISSING)("certificates from an ACME authority (needs pebble)", { timeout: 90_000 }, () => {
  test("are asked for by http-01, one for each domain, served by every worker, and kept for the next start", async () => {
    const at = await places();
    const pebble = await startPebble(["shop.test", "www.shop.test"], at);
    const state = temporaryDirectory();
    const proxy = await startProxy(state);
    const redirect = { exceptPaths: [], port: at.securePort };
    await proxy.traffic.apply(tableOn(at, await startEcho(), { acme: pebble.acme, redirect }));
    expect((await certificates(proxy)).map(({ names }) => names)).toEqual([["shop.test"], ["www.shop.test"]]);
    await untilIssued(proxy);
    expect(pebble.log).toContain("Attempting to validate w/ HTTP: http://www.shop.test:");
    await until(() => shown(at.securePort, "shop.test"));
    const all = await Promise.all(Array.from({ length: 12 }, () => shown(at.securePort, "www.shop.test")));
    expect(all.every(Boolean)).toBe(true);

    const [authority = ""] = readdirSync(join(state, "proxy", "acme"));
    const directory = join(state, "proxy", "acme", authority);
    expect(readdirSync(directory).toSorted()).toEqual(["account.json", "shop.test.pem", "www.shop.test.pem"]);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);

    await proxy.end();
    await pebble.end();
    const next = await startProxy(state);
    await until(() => shown(at.securePort, "shop.test"));
    expect((await certificates(next)).map(({ problem }) => problem)).toEqual([null, null]);
  });

  test("are asked for by tls-alpn-01 where http-01 is not possible", async () => {
    const at = await places();
    // The authority looks for HTTP where nobody is.
    const pebble = await startPebble(["shop.test"], { ...at, plainPort: await freePort() });
    const proxy = await startProxy();
    await proxy.traffic.apply(tableOn(at, await startEcho(), { acme: pebble.acme }));
    await untilIssued(proxy);
    expect(proxy.log).toContain("a certificate could not be had");
    await until(() => shown(at.securePort, "shop.test"));
  });

  test("are renewed in their last third, while the old one is served", async () => {
    const at = await places();
    const pebble = await startPebble(["shop.test"], at);
    const state = temporaryDirectory();
    await stored(state, pebble.acme, "shop.test", await issue(["shop.test"], { from: -61, until: 29 }));
    const proxy = await startProxy(state);
    await proxy.traffic.apply(tableOn(at, await startEcho(), { acme: pebble.acme }));
    expect(await shown(at.securePort, "shop.test")).toBe(true);
    const soon = Date.now() + 30 * 86_400_000;
    await until(async () => ((await certificates(proxy))[0]?.expiresAt ?? 0) > soon, LIMIT);
  });

  test("that cannot be had leave the old ones in service, and the status says why", async () => {
    const at = await places();
    // It finds us nowhere.
    const pebble = await startPebble(["shop.test", "other.test"], { plainPort: await freePort(), securePort: await freePort() });
    const state = temporaryDirectory();
    await stored(state, pebble.acme, "shop.test", await issue(["shop.test"], { from: -80, until: 10 }));
    const proxy = await startProxy(state);
    const file = await filesFor(state, ["file.test"]);
    await proxy.traffic.apply(tableOn(at, await startEcho(), { acme: pebble.acme, certificates: [file] }));
    await until(
      async () => (await certificates(proxy)).filter(({ problem }) => problem?.startsWith("the authority refused")).length === 2,
      LIMIT,
    );
    expect(await shown(at.securePort, "shop.test")).toBe(true);
    expect(await shown(at.securePort, "file.test")).toBe(true);
    // Nothing of it keeps a deployment waiting.
    await proxy.traffic.apply(tableOn(at, await startEcho(), { acme: pebble.acme, certificates: [file] }));
  });

  test("come as soon as the authority is there; an account it has forgotten is replaced", async () => {
    const at = await places();
    const first = await startPebble(["shop.test"], at);
    const state = temporaryDirectory();
    const proxy = await startProxy(state);
    const echo = await startEcho();
    await proxy.traffic.apply(tableOn(at, echo, { acme: first.acme }));
    await untilIssued(proxy);
    await first.end();
    const more = { ...first.acme, domains: ["shop.test", "new.test"] };
    await proxy.traffic.apply(tableOn(at, echo, { acme: more }));
    await until(async () => (await certificates(proxy))[1]?.problem?.startsWith("the authority cannot be asked") === true, LIMIT);
    expect(await shown(at.securePort, "shop.test")).toBe(true);

    // Another authority at the same address: it knows neither certificate nor account of the first.
    const second = await startPebble(["shop.test", "new.test"], { ...at, port: first.port });
    writeFileSync(first.acme.rootCertificates ?? "", await rootOf(second.acme));
    await untilIssued(proxy);
    await until(() => shown(at.securePort, "new.test"));
  });
});

async function rootOf({ rootCertificates }: AcmeSpec): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(rootCertificates ?? "", "utf8");
}
