import type { RouteTable } from "../../src/core/routes.ts";

export function tableOf(revision: number, parts: Partial<RouteTable> = {}): RouteTable {
  return {
    app: "shop",
    epoch: 1,
    revision,
    listen: { host: "127.0.0.1", port: 0 },
    tls: null,
    proxy: { holdMs: 0, firstByteTimeoutMs: 0 },
    pools: [{ release: "r1", weight: 1, targets: [{ instance: "web.r1.1", host: "127.0.0.1", port: 1, health: null }] }],
    ...parts,
  };
}
