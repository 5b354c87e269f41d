import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JourneyAnswer } from "../../../../src/core/journey.ts";
import { boundRequests, unsteadyRequests, Usual } from "../../../../src/core/statelessness/judge.ts";
import type { Visit, Walk } from "../../../../src/core/statelessness/walk.ts";
import type { JourneyRequest } from "../../../../src/core/task.ts";

const request = (method: string, path: string): JourneyRequest => ({
  method,
  path,
  headers: {},
  body: null,
  expect: {},
  capture: {},
});
const REQUESTS = [request("POST", "/login"), request("GET", "/me")];

function visit(node: string, body: string, more: Partial<JourneyAnswer> = {}, carried: Visit["carried"] = []): Visit {
  return { node, answer: { status: 200, headers: {}, body, ms: 1, ...more }, broken: [], carried };
}

const login = (node: string): Visit => visit(node, "welcome", { headers: { "set-cookie": ["sid=secret; Path=/"] } });
const walk = (kind: Walk["kind"], ...visits: readonly Visit[]): Walk => ({ kind, visits });
const pinned = (node: string, body: string): Walk => walk("pinned", login(node), visit(node, body));
const SID = [{ cookie: "sid", from: "a" }];

/** The differences of the second request's answer to what the bodies have in common. */
function seen(bodies: readonly string[], other: Visit): readonly string[] {
  const usual = new Usual(
    REQUESTS,
    bodies.map((body, index) => pinned(index % 2 === 0 ? "a" : "b", body)),
  );
  return usual.finding(walk("spread", login("a"), other))?.differences ?? [];
}

describe("what varies by itself is not looked at", () => {
  test("values, lists and dates in JSON", () => {
    const body = (token: string, items: readonly number[]): string => JSON.stringify({ token, items, user: "anna" });
    const usual = [body("x1", [1]), body("x2", [1, 2]), body("x3", [1])];
    expect(seen(usual, visit("b", body("x4", [1, 2, 3])))).toEqual([]);
    expect(seen(usual, visit("b", body("x4", [1]).replace("anna", "nobody")))).toEqual(['body.user: "nobody" instead of "anna"']);
    expect(seen(usual, visit("b", '{"token":"x"}'))).toEqual([
      "body (entries): 1 instead of 3",
      "body.items[0]: nothing instead of 1",
      'body.user: nothing instead of "anna"',
    ]);
  });

  test("words in a page of one line", () => {
    const page = (token: string, name: string): string =>
      `<p>Hello ${name}</p><input name="csrf" value="${token}"/><b>by a.1</b>`;
    expect(seen([page("t1=", "anna"), page("t2", "anna")], visit("b", page("t3", "anna")))).toEqual([]);
    expect(seen([page("t1=", "anna"), page("t2", "anna")], visit("b", page("t3", "guest")))).toEqual([
      'body\'s "anna": nothing instead of 1',
    ]);
  });

  test("nothing is found in any answer that was seen on one node alone", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json()), { minLength: 1, maxLength: 6 }), (bodies) => {
        for (const body of bodies) expect(seen(bodies, visit("b", body))).toEqual([]);
      }),
    );
  });

  test("whatever else is answered differently is found, where nothing varies", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const [a, b] = [JSON.stringify(one), JSON.stringify(other)];
        fc.pre(a !== b && !/-0|__proto__/.test(a + b));
        const isSameSet = sortedJson(one) === sortedJson(other);
        expect(seen([a, a], visit("b", b)).length > 0).toBe(!isSameSet);
      }),
    );
  });
});

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

describe("a finding names", () => {
  const usual = new Usual(REQUESTS, [pinned("a", "hello anna"), pinned("a", "hello anna")]);

  test("the cookie that was not accepted, the node that had set it, and what that node was told", () => {
    const other = walk("spread", login("a"), visit("b", "who are you", { status: 401 }, SID));
    expect(usual.finding(other)).toMatchObject({
      request: 2,
      method: "GET",
      path: "/me",
      node: "b",
      kind: "spread",
      cookies: [{ name: "sid", from: "a", again: false }],
      after: { method: "POST", path: "/login", node: "a" },
    });
  });

  test("the cookie that was set anew, never its value", () => {
    const again = visit("b", "hello anna", { headers: { "set-cookie": ["sid=other; Path=/"] } }, SID);
    const finding = usual.finding(walk("replaced", login("a"), again));
    expect(finding).toMatchObject({ kind: "replaced", cookies: [{ name: "sid", from: "a", again: true }] });
    expect(finding?.differences).toEqual(["cookies set: sid instead of nothing"]);
    expect(JSON.stringify(finding)).not.toMatch(/other|secret/);
  });

  test("where a redirect leads, although there is a number in it", () => {
    const to = (location: string, status = 303): Visit => visit("a", "", { status, headers: { location: [location] } });
    const orders = new Usual(REQUESTS, [
      walk("pinned", login("a"), to("/orders/1")),
      walk("pinned", login("a"), to("/orders/2")),
    ]);
    expect(orders.finding(walk("spread", login("a"), to("/orders/3")))).toBeNull();
    expect(orders.finding(walk("spread", login("a"), to("/login/again")))?.differences).toEqual([
      "location's segment 1: login instead of orders",
    ]);
  });
});

test("a status that changes on one node is unsteady; one that differs from node to node is bound to it", () => {
  const at = (node: string, status: number): Walk => walk("pinned", login(node), visit(node, "", { status }));
  const changing = [at("a", 200), at("b", 200), at("a", 409)];
  expect(unsteadyRequests(REQUESTS, changing)).toEqual(["GET /me is answered 200 and 409 by one and the same node"]);
  const bound = [at("a", 200), at("b", 404), at("a", 200), at("b", 404)];
  expect(unsteadyRequests(REQUESTS, bound)).toEqual([]);
  expect(boundRequests(REQUESTS, bound)).toMatchObject([
    { request: 2, node: "b", differences: ["status: 404 instead of 200 as on a"] },
  ]);
  expect(boundRequests(REQUESTS, [at("a", 200), at("b", 200)])).toEqual([]);
});
