import { describe, expect, test } from "vitest";
import { aspNetProblem, type Listening } from "../../../src/core/asp-net-listeners.ts";
import type { ListenAddress } from "../../../src/core/listen-address.ts";

const at = (port: number, host = "127.0.0.1"): ListenAddress => ({ host, port });

function app(name: string, listen: ListenAddress, aspNet?: ListenAddress): Listening {
  return { app: name, listen, tls: null, sessions: { server: { memoryBytes: 2 ** 30, fsync: "always", aspNet } } };
}

describe("an address for ASP.NET sessions", () => {
  test("is one app's alone: neither the proxy nor another app's sessions can be there, whoever came first", () => {
    const shop = app("shop", at(80), at(42_424));
    for (const other of [app("blog", at(81), at(42_424)), app("blog", at(42_424)), app("blog", at(42_424, "0.0.0.0"))]) {
      const problem = aspNetProblem(other, [shop]);
      expect(problem?.code).toBe("ERR_LISTENER_CONFLICT");
      expect(problem?.what).toMatch(/blog and sessions\.aspNet of shop are both on port 42424/);
      expect(aspNetProblem(shop, [other])?.what).toContain("sessions.aspNet of shop");
    }
    expect(aspNetProblem(app("shop", at(42_424), at(42_424)), [])?.what).toBe(
      "listen of shop and sessions.aspNet of shop are both on port 42424.",
    );
  });

  test("may be kept by its app, and have the port of another on another host; what the proxy shares is not its affair", () => {
    const shop = app("shop", at(80), at(42_424));
    expect(aspNetProblem(shop, [shop])).toBeNull();
    expect(aspNetProblem(app("blog", at(80), at(42_424, "10.0.0.5")), [shop])).toBeNull();
    expect(aspNetProblem(app("blog", at(0)), [app("shop", at(0))])).toBeNull();
  });
});
