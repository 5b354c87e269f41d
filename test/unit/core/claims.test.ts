import { describe, expect, test } from "vitest";
import { claimProblem } from "../../../src/core/claims.ts";
import type { Claim } from "../../../src/core/routing.ts";
import { tableOf } from "../../support/proxy/tables.ts";

function problemOf(a: Partial<Claim>, b: Partial<Claim>, ports: readonly [number, number] = [80, 80]): string | null {
  const present = tableOf({ app: "shop", claim: a, port: ports[0] });
  const asked = tableOf({ app: "blog", claim: b, port: ports[1] });
  const problem = claimProblem(asked, [present, asked]);
  if (problem !== null) expect(problem.code).toBe("ERR_ROUTE_CONFLICT");
  return problem?.what ?? null;
}

describe("two apps on one listen address", () => {
  test("must not claim the same: both are named, with what they share", () => {
    expect(problemOf({}, {})).toBe("blog and shop both claim every host on 127.0.0.1:80.");
    expect(problemOf({ hosts: ["a.com", "b.com"] }, { hosts: ["b.com"] })).toContain("both claim b.com on");
    expect(problemOf({ hosts: ["a.com"], paths: ["/x", "/y"] }, { hosts: ["a.com"], paths: ["/y"] })).toContain("a.com/y");
    expect(problemOf({ paths: [""] }, {})).toContain("every host");
    const beta = { headers: [{ name: "X-Beta", value: "1" }] };
    expect(problemOf(beta, { headers: [{ name: "x-beta", value: "1" }] })).toContain("every host");
  });

  test("may claim what another claims less specifically", () => {
    expect(problemOf({}, { hosts: ["a.com"] })).toBeNull();
    expect(problemOf({ hosts: ["*.com"] }, { hosts: ["a.com"] })).toBeNull();
    expect(problemOf({ hosts: ["a.com"] }, { hosts: ["a.com"], paths: ["/x"] })).toBeNull();
    expect(problemOf({ hosts: ["a.com"] }, { hosts: ["a.com"], headers: [{ name: "x", value: null }] })).toBeNull();
    expect(problemOf({ headers: [{ name: "x", value: null }] }, { cookies: [{ name: "x", value: null }] })).toBeNull();
  });

  test("must say the same of the PROXY protocol: which of them requires it is named", () => {
    const requiring = (app: string, port = 80) => {
      const table = tableOf({ app, claim: { hosts: [`${app}.com`] }, port });
      return { ...table, proxy: { ...table.proxy, proxyProtocol: { in: "require" } as const } };
    };
    const plain = tableOf({ app: "blog", claim: { hosts: ["blog.com"] } });
    for (const [asked, present] of [
      [plain, requiring("shop")],
      [requiring("shop"), plain],
    ] as const) {
      const problem = claimProblem(asked, [present]);
      expect(problem?.code).toBe("ERR_LISTENER_CONFLICT");
      expect(problem?.what).toBe("shop requires the PROXY protocol on 127.0.0.1:80, and blog on the same address does not.");
    }
    expect(claimProblem(requiring("shop"), [requiring("api")])).toBeNull();
    expect(claimProblem(requiring("shop", 81), [plain])).toBeNull();
  });

  test("do not meet on another address; port 0 is one of its own for each", () => {
    expect(problemOf({}, {}, [80, 81])).toBeNull();
    expect(problemOf({}, {}, [0, 0])).toBeNull();
  });
});
