import { describe, expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { routingOf } from "../../../src/config/routing.ts";
import { CLAIM_OF_EVERYTHING, type RoutingSpec } from "../../../src/core/routing.ts";

const MINIMAL = { app: "shop", listen: 8080, processes: { web: { command: "node server.js" } } };

function routing(keys: object): RoutingSpec {
  return routingOf(parseConfig({ ...MINIMAL, ...keys }, "hitless.config.json"), null);
}

function problems(keys: object): readonly string[] {
  try {
    routing(keys);
  } catch (error) {
    if (error instanceof HitlessError) return error.failure.details ?? [];
    throw error;
  }
  return [];
}

describe("which requests are an app's", () => {
  test("is every one unless the file says something", () => {
    expect(routing({}).claim).toEqual(CLAIM_OF_EVERYTHING);
    expect(routing({ hosts: [], paths: ["/"] }).claim).toEqual({ ...CLAIM_OF_EVERYTHING, paths: [""] });
  });

  test("may be said by host, path, fields and cookies, each once and in one spelling", () => {
    const said = {
      hosts: ["Shop.Example.com", "shop.example.com.", "*.shop.example.com", "[::1]", "10.0.0.1"],
      paths: ["/api/", "/api", "/a%2fb"],
      match: { headers: { "X-Beta": "1", "X-Any": true }, cookies: { beta: "yes" } },
    };
    expect(routing(said).claim).toEqual({
      hosts: ["shop.example.com", "*.shop.example.com", "[::1]", "10.0.0.1"],
      paths: ["/api", "/a%2fb"],
      headers: [
        { name: "X-Beta", value: "1" },
        { name: "X-Any", value: null },
      ],
      cookies: [{ name: "beta", value: "yes" }],
    });
  });

  test.each(["http://a.com", "a.com:80", "a.com/x", "*", "a.*.com", "*.*.com", "a..com", "-a.com", "", "a b", "[::1", "ä.com"])(
    "host %j is refused",
    (host) => {
      expect(problems({ hosts: [host] })).toEqual([
        expect.stringMatching(/^hosts\[0\]: found .*, expected a host name such as "shop\.example\.com"/),
      ]);
    },
  );

  test.each(["api", "", "/a/../b", "/a/..", "//a", "/a//b", "/./a", "/api/*", "/a?b", "/a#b", "/a b", "/ä"])(
    "path %j is refused",
    (path) => {
      expect(problems({ paths: [path] })).toEqual([
        expect.stringMatching(/^paths\[0\]: found .*, expected the beginning of a path such as "\/api"/),
      ]);
    },
  );

  test("all problems are listed at once", () => {
    const text = problems({
      hosts: "shop.example.com",
      match: { headers: { Host: "a", "X Y": "1", "X-Z": 1 }, cookies: { "a=b": "c" }, query: {} },
    }).join("\n");
    for (const expected of [
      'hosts: found "shop.example.com", expected a list of host names',
      "match.headers.Host: expected the name of a field that is forwarded",
      "match.headers.X Y: expected the name of a field",
      "match.headers.X-Z: found 1, expected the text that the value must be",
      "match.cookies.a=b: expected the name of a cookie",
      "match.query: there is no such key here",
    ]) {
      expect(text).toContain(expected);
    }
  });
});

describe("how requests are shared out", () => {
  test("is in turn unless the file says something else", () => {
    expect(routing({}).balance).toEqual({ by: "round-robin", slowStartMs: 0, maxPerInstance: null });
    expect(routing({ proxy: { balance: "least", slowStart: "10s", maxPerInstance: 20 } }).balance).toEqual({
      by: "least",
      slowStartMs: 10_000,
      maxPerInstance: 20,
    });
  });

  test("has its problems listed", () => {
    expect(problems({ proxy: { balance: "random", slowStart: "soon", maxPerInstance: 0 } })).toEqual([
      'proxy.balance: found "random", expected one of: round-robin, least',
      expect.stringMatching(/^proxy\.slowStart: found "soon", expected a time/),
      "proxy.maxPerInstance: found 0, expected at least one request",
    ]);
  });
});

describe("which release a request gets", () => {
  test("is nobody's choice unless the file says so", () => {
    expect(routing({})).toMatchObject({ cohort: null, preview: null });
  });

  test("may stay the same for a client, and may be one that is not active yet", () => {
    expect(routing({ cohort: { by: "cookie" } }).cohort).toEqual({ by: "cookie", name: "hitless_cohort" });
    expect(routing({ cohort: { by: "ip" } }).cohort).toEqual({ by: "ip", name: "" });
    const { claim, preview } = routing({ hosts: ["a.com"], preview: { hosts: ["Preview.a.com"] } });
    expect(preview).toEqual({
      header: "X-Hitless-Preview",
      cookie: "hitless_preview",
      hosts: ["preview.a.com"],
      secretSha256: null,
    });
    expect(claim.hosts).toEqual(["a.com", "preview.a.com"]);
  });

  test("may be that of the page that sends it", () => {
    expect(routing({})).not.toHaveProperty("skew");
    const headers = ["X-Hitless-Release", "X-Deployment-Id"];
    expect(routing({ skew: {} }).skew).toEqual({ headers, parameter: "dpl", cookie: "hitless_cohort" });
    expect(routing({ skew: {}, cohort: { by: "cookie", name: "c" } }).skew?.cookie).toBe("c");
    expect(routing({ skew: {}, cohort: { by: "ip" } }).skew?.cookie).toBe("hitless_cohort");
    const text = problems({ skew: { headers: ["Host", "X*"], parameter: "a b", cookies: 1 } }).join("\n");
    for (const problem of [
      'skew.headers[0]: found "Host"',
      'skew.headers[1]: found "X*"',
      'skew.parameter: found "a b"',
      "cookies",
    ])
      expect(text).toContain(problem);
  });

  test("has its problems listed", () => {
    const text = problems({ cohort: { by: "moon" }, preview: { header: "Host", secret: "" } }).join("\n");
    expect(text).toContain('expected { by: "cookie" }');
    expect(text).toContain('preview.header: found "Host", expected the name of a field that is forwarded');
    expect(text).toContain('preview.secret: found "", expected text');
  });
});
