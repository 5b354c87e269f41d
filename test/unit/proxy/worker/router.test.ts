import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CLAIM_OF_EVERYTHING, type Claim } from "../../../../src/core/routing.ts";
import { DEFAULT_LIMITS } from "../../../../src/proxy/worker/limits.ts";
import { LiveApp } from "../../../../src/proxy/worker/live-app.ts";
import { isRefusal } from "../../../../src/proxy/worker/refusal.ts";
import { RequestBook } from "../../../../src/proxy/worker/request-book.ts";
import { parseRequestHead, type RequestHead } from "../../../../src/proxy/worker/request-head.ts";
import { Router } from "../../../../src/proxy/worker/router.ts";
import { tableOf } from "../../../support/proxy/tables.ts";

const CLIENT = { remoteAddress: "127.0.0.1", secure: false, http2: false, serverName: null };

type Claims = Readonly<Record<string, Partial<Claim>>>;

function headOf(host: string, target = "/", fields = ""): RequestHead {
  const head = parseRequestHead(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`, DEFAULT_LIMITS);
  if (isRefusal(head)) throw new Error(head.reason);
  return head;
}

function routerOf(claims: Claims): Router {
  const router = new Router(new RequestBook("@listener", () => {}));
  for (const [app, claim] of Object.entries(claims)) {
    router.set(new LiveApp(tableOf({ app }), DEFAULT_LIMITS, () => {}), { ...CLAIM_OF_EVERYTHING, ...claim });
  }
  return router;
}

/** The name of the app that gets the request, or the status that it gets. */
function whose(router: Router, head: RequestHead, serverName: string | null = null): string | number {
  const route = router.route(head, router.begin(), { ...CLIENT, secure: serverName !== null, serverName });
  return isRefusal(route) ? route.status : route.book.name;
}

describe("a host", () => {
  const router = routerOf({
    shop: { hosts: ["shop.example.com"] },
    wild: { hosts: ["*.example.com"] },
    deep: { hosts: ["*.eu.example.com"] },
    v6: { hosts: ["[::1]"] },
  });

  test.each([
    ["shop.example.com", "shop"],
    ["SHOP.Example.COM", "shop"],
    ["shop.example.com:8080", "shop"],
    ["shop.example.com.", "shop"],
    ["shop.example.com.:443", "shop"],
    ["blog.example.com", "wild"],
    ["blog.eu.example.com", "deep"],
    ["a.b.example.com", 404],
    ["example.com", 404],
    ["evil.com", 404],
    ["shop.example.com.evil.com", 404],
    ["[::1]:80", "v6"],
    ["[::2]", 404],
  ])("%s belongs to %s", (host, owner) => {
    expect(whose(router, headOf(host))).toBe(owner);
    expect(whose(router, headOf(host)), "the second time, from what is remembered").toBe(owner);
  });

  test("that nobody claims falls to the app for every host, if there is one", () => {
    const open = routerOf({ shop: { hosts: ["shop.example.com"] }, rest: {} });
    expect(whose(open, headOf("evil.com"))).toBe("rest");
    expect(whose(open, headOf("shop.example.com"))).toBe("shop");
  });

  test("is looked up anew after ever so many others", () => {
    for (let number = 0; number < 3_000; number += 1) expect(whose(router, headOf(`h${number}.example.com`))).toBe("wild");
    expect(whose(router, headOf("shop.example.com"))).toBe("shop");
  });
});

describe("a path (A18)", () => {
  const router = routerOf({ site: {}, api: { paths: ["/api"] }, v2: { paths: ["/api/v2", "/v2"] } });

  test.each([
    ["/api", "api"],
    ["/api/", "api"],
    ["/api?x=1", "api"],
    ["/api/../admin", "api"],
    ["/api/..%2f", "api"],
    ["/apis", "site"],
    ["/API", "site"],
    ["//api", "site"],
    ["/%61pi", "site"],
    ["/./api", "site"],
    ["/?/api", "site"],
    ["/api/v2", "v2"],
    ["/api/v2/x", "v2"],
    ["/api/v22", "api"],
    ["/v2?", "v2"],
  ])("%s belongs to %s", (target, owner) => {
    expect(whose(router, headOf("any.example.com", target))).toBe(owner);
  });

  test("of OPTIONS * belongs to who claims every path", () => {
    const head = parseRequestHead("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", DEFAULT_LIMITS) as RequestHead;
    expect(whose(router, head)).toBe("site");
    expect(whose(routerOf({ api: { paths: ["/api"] } }), head)).toBe(404);
  });

  test("decides within a host only: a more specific host comes first, and what it does not claim falls to the next", () => {
    const mixed = routerOf({
      exact: { hosts: ["a.example.com"], paths: ["/x"] },
      wild: { hosts: ["*.example.com"], paths: ["/x/longer"] },
    });
    expect(whose(mixed, headOf("a.example.com", "/x/longer"))).toBe("exact");
    expect(whose(mixed, headOf("b.example.com", "/x/longer"))).toBe("wild");
    expect(whose(mixed, headOf("a.example.com", "/y"))).toBe(404);
  });
});

describe("fields", () => {
  const router = routerOf({
    plain: {},
    beta: { headers: [{ name: "X-Beta", value: "1" }] },
    any: { headers: [{ name: "X-Any", value: null }] },
    cookie: { cookies: [{ name: "beta", value: "yes" }] },
    both: {
      headers: [{ name: "x-beta", value: "1" }],
      cookies: [{ name: "beta", value: "yes" }],
    },
  });

  test.each([
    ["", "plain"],
    ["X-Beta: 1\r\n", "beta"],
    ["x-bETA:1 \r\n", "beta"],
    ["X-Beta: 0\r\nX-Beta: 1\r\n", "beta"],
    ["X-Beta: 11\r\n", "plain"],
    ["X-Beta2: 1\r\n", "plain"],
    ["Y: X-Beta: 1\r\n", "plain"],
    ["X-Any:\r\n", "any"],
    ["Cookie: beta=yes\r\n", "cookie"],
    ["Cookie: a=b; beta=yes; c=d\r\n", "cookie"],
    ["Cookie: a=b\r\nCookie: beta=yes\r\n", "cookie"],
    ['Cookie: beta="yes"\r\n', "cookie"],
    ["Cookie: Beta=yes\r\n", "plain"],
    ["Cookie: xbeta=yes\r\n", "plain"],
    ["Cookie: beta=yes2\r\n", "plain"],
    ["X-Beta: 1\r\nCookie: beta=yes\r\n", "both"],
    ["Connection: X-Beta\r\nX-Beta: 1\r\n", "plain"],
  ])("%j belong to %s", (fields, owner) => {
    expect(whose(router, headOf("a", "/", fields))).toBe(owner);
  });
});

test("a TLS connection made for one app's host is not good for another's (C6)", () => {
  const router = routerOf({
    a: { hosts: ["a.com", "*.a.com"] },
    b: { hosts: ["b.com"] },
    api: { hosts: ["a.com"], paths: ["/api"] },
  });
  expect(whose(router, headOf("a.com"), "a.com")).toBe("a");
  expect(whose(router, headOf("a.com:443"), "A.com")).toBe("a");
  expect(whose(router, headOf("x.a.com"), "a.com")).toBe("a");
  expect(whose(router, headOf("a.com", "/api"), "a.com")).toBe("api");
  expect(whose(router, headOf("b.com"), "a.com")).toBe(421);
  expect(whose(router, headOf("a.com", "/api"), "x.a.com")).toBe(421);
  expect(whose(router, headOf("a.com"), null)).toBe("a");
  expect(whose(routerOf({ all: {} }), headOf("a.com"), "b.com")).toBe("all");
});

describe("what is counted where", () => {
  test("without any app, and before a head is complete, it is the listener's", () => {
    const router = routerOf({});
    const begun = router.begin();
    expect(begun.name).toBe("@listener");
    expect(whose(router, headOf("a"))).toBe(503);
  });

  test("of a single app it is that app's from the first byte, but goes back when the app does not claim it", () => {
    const router = routerOf({ shop: { hosts: ["shop.example.com"] } });
    const begun = router.begin();
    expect(begun.name).toBe("shop");
    expect(begun.delta().inFlight).toBe(1);
    const route = router.route(headOf("evil.com"), begun, CLIENT);
    expect([begun.delta().inFlight, route.book.name, route.book.delta().inFlight]).toEqual([0, "@listener", 1]);
  });

  test("of several it is the listener's until it is known whose it is", () => {
    const router = routerOf({ a: { hosts: ["a"] }, b: { hosts: ["b"] } });
    const begun = router.begin();
    const route = router.route(headOf("b"), begun, CLIENT);
    expect([begun.name, begun.delta().inFlight, route.book.name, route.book.delta().inFlight]).toEqual(["@listener", 0, "b", 1]);
  });
});

describe("any set of claims", () => {
  const host = fc.constantFrom("a.example.com", "b.example.com", "*.example.com", "*.com", "x.com");
  const path = fc.constantFrom("/a", "/a/b", "/a/b/c", "/b");
  const claim = fc.record({ hosts: fc.uniqueArray(host, { maxLength: 3 }), paths: fc.uniqueArray(path, { maxLength: 3 }) });
  const claims = fc.uniqueArray(fc.record({ name: fc.constantFrom<string>("p", "q", "r", "s"), claim }), {
    selector: ({ name }) => name,
    maxLength: 4,
  });
  const request = fc.record({
    host: fc.constantFrom("a.example.com", "b.example.com", "c.example.com", "example.com", "x.com", "y.org"),
    target: fc.constantFrom("/", "/a", "/ab", "/a/b", "/a/b?q", "/a/bc", "/a/b/c/d", "/b/a", "//a", "*"),
  });

  /** How well a claim fits, from the definition; null: not at all. */
  function fit(
    { hosts, paths }: { hosts: readonly string[]; paths: readonly string[] },
    asked: { host: string; target: string },
  ): readonly [number, number] | null {
    const byHost = hosts.includes(asked.host)
      ? 2
      : hosts.includes(asked.host.replace(/^[^.]*/, "*"))
        ? 1
        : hosts.length === 0
          ? 0
          : -1;
    const fitting = paths.filter(
      (one) => asked.target.split("?")[0] === one || asked.target.startsWith(`${one}/`) || asked.target.startsWith(`${one}?`),
    );
    const byPath = fitting.length > 0 ? Math.max(...fitting.map((one) => one.length)) : paths.length === 0 ? 0 : -1;
    return byHost < 0 || byPath < 0 ? null : [byHost, byPath];
  }

  test("gives a request to an app that claims it, never to one while another fits better, whatever order they came in", () => {
    fc.assert(
      fc.property(claims, request, (all, asked) => {
        const head = { ...headOf(asked.host), target: asked.target };
        const entries = all.map(({ name, claim: one }) => [name, one] as const);
        const owner = whose(routerOf(Object.fromEntries(entries)), head);
        expect(whose(routerOf(Object.fromEntries(entries.toReversed())), head)).toBe(owner);
        const fits = new Map(
          entries.map(([name, one]) => [name, fit(one, asked)] as const).filter(([, found]) => found !== null),
        );
        if (fits.size === 0) {
          expect(owner).toBe(all.length === 0 ? 503 : 404);
          return;
        }
        const best = [...fits.values()].toSorted((a, b) => b![0] - a![0] || b![1] - a![1])[0];
        expect(fits.get(owner as string)).toEqual(best);
      }),
      { numRuns: 500 },
    );
  });
});
