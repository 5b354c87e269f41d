import { describe, expect, test } from "vitest";
import { AcmeFailure, acmeFailure } from "../../../../src/proxy/tls/acme/acme-failure.ts";
import { pauseAfter, renewalTime } from "../../../../src/proxy/tls/acme/renewal.ts";
import type { Certificate } from "../../../../src/proxy/tls/certificate.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;
const ninetyDays: Certificate = { id: "x", cert: "", key: "", names: [], notBefore: 0, expiresAt: 90 * DAY };

describe("a certificate", () => {
  test("is renewed with a third of its life left, a little earlier by chance", () => {
    expect(renewalTime(ninetyDays, 0)).toBe(60 * DAY);
    expect(renewalTime(ninetyDays, 1)).toBe(57 * DAY);
    expect(renewalTime({ ...ninetyDays, expiresAt: 6 * DAY }, 0)).toBe(4 * DAY);
  });
});

describe("the pause after a failure", () => {
  test("grows slowly for an authority that is away, fast for one that refuses, and has a limit", () => {
    const away = new AcmeFailure("", { away: true });
    const refused = new AcmeFailure("");
    expect([1, 2, 3, 20].map((failures) => pauseAfter(away, failures, 1))).toEqual([5_000, 10_000, 20_000, 10 * MINUTE]);
    expect([1, 2, 3, 20].map((failures) => pauseAfter(refused, failures, 1))).toEqual([MINUTE, 3 * MINUTE, 9 * MINUTE, DAY]);
    expect(pauseAfter(refused, 1, 0)).toBe(45_000);
  });

  test("is at least what the authority asked for", () => {
    const limited = acmeFailure(
      new Error("too many certificates"),
      { status: 429, type: "urn:ietf:params:acme:error:rateLimited", retryAfter: "7200" },
      false,
    );
    expect(limited.message).toBe("too many certificates");
    expect(limited.away).toBe(false);
    expect(pauseAfter(limited, 1, 0.5)).toBe(7_200_000);
    const until = new Date(Date.now() + 3_600_000).toUTCString();
    const dated = acmeFailure(new Error("busy"), { status: 503, type: "", retryAfter: until }, false);
    expect(dated.away).toBe(true);
    expect(Math.abs(pauseAfter(dated, 1, 0.5) - 3_600_000)).toBeLessThan(60_000);
  });
});

describe("a refusal", () => {
  test.each([
    ["accountDoesNotExist", false, true],
    ["unauthorized", false, true],
    ["unauthorized", true, false],
    ["rateLimited", false, false],
  ])("%s, validation begun: %s, means a lost account: %s", (type, validated, lost) => {
    const problem = { status: 403, type: `urn:ietf:params:acme:error:${type}`, retryAfter: null };
    expect(acmeFailure(new Error("no"), problem, validated).accountUnknown).toBe(lost);
  });

  test("is none where there was no answer", () => {
    const failure = acmeFailure(Object.assign(new AggregateError([], ""), { code: "ECONNREFUSED" }), null, false);
    expect(failure).toMatchObject({ away: true, message: "ECONNREFUSED" });
  });
});
