import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TlsSpec } from "../../../../src/core/tls.ts";
import { covers } from "../../../../src/proxy/tls/certificate.ts";
import { checkTls } from "../../../../src/proxy/tls/check.ts";
import { temporaryDirectory } from "../../../support/temp.ts";
import { issue } from "../../../support/tls/issue.ts";
import { PLAIN_TLS } from "../../../support/tls/proxy.ts";

function check(tls: Partial<TlsSpec>): Promise<readonly string[]> {
  return checkTls({ ...PLAIN_TLS, ...tls }, Date.now());
}

async function written(names: readonly string[], validity = {}) {
  const directory = temporaryDirectory();
  const pair = await issue(names, validity);
  const files = { cert: join(directory, "a.crt"), key: join(directory, "a.key") };
  writeFileSync(files.cert, pair.cert);
  writeFileSync(files.key, pair.key);
  return files;
}

describe("certificates that a deployment brings", () => {
  test("are fine when they are valid and cover the names", async () => {
    const files = await written(["shop.test", "*.shop.test"]);
    expect(await check({ certificates: [files], names: ["shop.test", "www.shop.test", "*.shop.test"] })).toEqual([]);
  });

  test("have all their problems said at once, each with its place", async () => {
    const good = await written(["shop.test"]);
    const other = await written(["shop.test"]);
    const expired = await written(["old.test"], { from: -30, until: -1 });
    const early = await written(["new.test"], { from: 2, until: 30 });
    const text = (
      await check({
        certificates: [
          { cert: "/nowhere/a.crt", key: "/nowhere/a.key" },
          { cert: good.cert, key: other.key },
          { cert: good.key, key: good.cert },
          expired,
          early,
        ],
        acme: { directory: "https://ca.test", email: null, domains: ["a.test"], rootCertificates: "/nowhere/root.pem" },
      })
    ).join("\n");
    for (const expected of [
      "tls.certificates[0]: there is no file /nowhere/a.crt",
      "tls.certificates[0]: there is no file /nowhere/a.key",
      "tls.certificates[1]: the key does not belong to the certificate",
      "tls.certificates[2]: the certificate file holds no PEM certificate",
      "tls.certificates[2]: the key file holds no PEM private key",
      "tls.certificates[3]: the certificate expired on",
      "tls.certificates[4]: the certificate is valid only from",
      "tls.acme.rootCertificates: /nowhere/root.pem holds no PEM certificate",
    ]) {
      expect(text).toContain(expected);
    }
  });

  test("must cover every name; domains that are asked for count", async () => {
    const certificates = [await written(["*.shop.test"])];
    const acme = { directory: "https://ca.test", email: null, domains: ["api.test"], rootCertificates: null };
    const problems = await check({ certificates, acme, names: ["www.shop.test", "api.test", "shop.test", "a.b.shop.test"] });
    expect(problems).toEqual([
      expect.stringContaining("no certificate covers shop.test (they are for *.shop.test, api.test)"),
      expect.stringContaining("no certificate covers a.b.shop.test"),
    ]);
  });
});

test.each([
  ["shop.test", "shop.test", true],
  ["*.shop.test", "www.shop.test", true],
  ["*.shop.test", "shop.test", false],
  ["*.shop.test", "a.b.shop.test", false],
  ["shop.test", "www.shop.test", false],
])("a certificate for %s and the name %s: %s", (pattern, name, expected) => {
  expect(covers(pattern, name)).toBe(expected);
});
