import { describe, expect, it } from "vitest";
import { forwardingSchema } from "../../../src/api/forwarding.ts";
import { forwardingOf } from "../../../src/config/forwarding.ts";
import { configSchema } from "../../../src/config/schema.ts";

const parse = (keys: Record<string, unknown>) =>
  configSchema.safeParse({ app: "shop", listen: 8080, processes: { web: { command: "x" } }, ...keys });

describe("forwarding", () => {
  it("is not said where it is the usual one", () => {
    expect(forwardingOf(parse({}).data ?? fail())).toEqual({});
  });

  it("is what the daemon takes", () => {
    const keys = { trustedProxies: ["10.0.0.0/8", "::1"], forwarding: { via: false, forwarded: true, requestId: "X-Trace" } };
    const { forwarding } = forwardingOf(parse(keys).data ?? fail());
    expect(forwardingSchema.parse(forwarding)).toEqual({
      trustedProxies: ["10.0.0.0/8", "::1"],
      via: null,
      forwarded: true,
      requestId: "X-Trace",
    });
  });

  it.each([
    { trustedProxies: ["10.0.0.0/33"] },
    { trustedProxies: ["proxy.example.com"] },
    { trustedProxies: "10.0.0.1" },
    { forwarding: { via: "two words" } },
    { forwarding: { via: true } },
    { forwarding: { requestId: "Content-Length" } },
    { forwarding: { requestId: "X-Forwarded-For" } },
    { forwarding: { requestId: "a b" } },
  ])("refuses %j", (keys) => {
    expect(parse(keys).success).toBe(false);
  });
});

describe("the PROXY protocol to instances", () => {
  const processes = (web: Record<string, unknown>) => ({ processes: { web: { command: "x", ...web } } });

  it.each(["v1", "v2"])("may be %s", (proxyProtocol) => {
    expect(parse(processes({ proxyProtocol })).success).toBe(true);
  });

  it.each([{ proxyProtocol: "v3" }, { proxyProtocol: true }, { proxyProtocol: "v1", protocol: "h2c" }])("refuses %j", (web) => {
    const { error } = parse(processes(web));
    expect(error?.issues.map(({ path }) => path)).toEqual([["processes", "web", "proxyProtocol"]]);
  });
});

function fail(): never {
  throw new Error("The configuration was refused");
}
