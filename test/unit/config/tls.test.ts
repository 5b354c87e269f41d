import { describe, expect, test } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { describeProblems } from "../../../src/config/problems.ts";
import { hstsValue, type ParsedTls } from "../../../src/config/tls.ts";

function configWith(tls: unknown): unknown {
  return { app: "shop", listen: 80, tls, processes: { web: { command: "node server.js" } } };
}

function parsed(tls: unknown): ParsedTls {
  const { tls: result } = configSchema.parse(configWith(tls));
  if (result === undefined) throw new Error("it is not there");
  return result;
}

function problemsOf(tls: unknown): readonly string[] {
  const config = configWith(tls);
  const result = configSchema.safeParse(config);
  return result.success ? [] : describeProblems(result.error, config);
}

describe("tls", () => {
  test("needs only files: the rest is what one expects", () => {
    expect(parsed({ certificates: [{ cert: "a.crt", key: "a.key" }] })).toEqual({
      listen: { host: "0.0.0.0", port: 443 },
      names: [],
      certificates: [{ cert: "a.crt", key: "a.key" }],
      redirect: true,
      minVersion: "TLSv1.2",
      unknownName: "default",
    });
  });

  test("or only domains", () => {
    expect(parsed({ acme: { domains: ["shop.example.com"], agreeToTerms: true } }).acme).toEqual({
      domains: ["shop.example.com"],
      agreeToTerms: true,
      directory: "https://acme-v02.api.letsencrypt.org/directory",
    });
  });

  test("all problems are said at once", () => {
    const text = problemsOf({
      listen: "https",
      names: ["Shop!"],
      certificates: [{ cert: "" }],
      acme: { domains: ["*.example.com"], agreeToTerms: false, directory: "http://ca.test/dir", email: "ada" },
      redirect: "yes",
      hsts: "forever",
      minVersion: "TLSv1.0",
      unknownName: "ignore",
      cipher: "x",
    }).join("\n");
    for (const expected of [
      "tls.listen: found",
      "tls.names[0]: found",
      "tls.certificates[0].cert: found",
      "tls.certificates[0].key: is missing",
      "tls.acme.domains[0]: found",
      "without a wildcard",
      "tls.acme.agreeToTerms: found false, expected true",
      "tls.acme.directory: found",
      "tls.acme.email: found",
      "tls.redirect: found",
      'tls.hsts: found "forever", expected true, a value such as',
      'tls.minVersion: found "TLSv1.0", expected one of: TLSv1.2, TLSv1.3',
      "tls.unknownName: found",
      "tls.cipher: there is no such key here",
    ]) {
      expect(text).toContain(expected);
    }
  });

  test("without any certificate is refused", () => {
    expect(problemsOf({}).join()).toContain("expected `certificates` or `acme`");
  });
});

describe("hsts", () => {
  test.each([
    [undefined, null],
    [false, null],
    [true, "max-age=31536000"],
    ["max-age=600; includeSubDomains", "max-age=600; includeSubDomains"],
    [{ maxAge: "2h" }, "max-age=7200"],
    [{ maxAge: "730d", includeSubDomains: true, preload: true }, "max-age=63072000; includeSubDomains; preload"],
  ])("%j is sent as %j", (hsts, value) => {
    const { hsts: given } = parsed({ certificates: [{ cert: "c", key: "k" }], ...(hsts === undefined ? {} : { hsts }) });
    expect(hstsValue(given)).toBe(value);
  });
});
