import type { RouteTable } from "../../../src/core/routes.ts";
import { CLAIM_OF_EVERYTHING, DEFAULT_ROUTING, type Claim, type RoutingSpec } from "../../../src/core/routing.ts";

interface TableParts {
  readonly app?: string;
  readonly port?: number;
  readonly revision?: number;
  readonly claim?: Partial<Claim>;
  readonly routing?: Partial<RoutingSpec>;
  readonly holdMs?: number;
  readonly pools?: RouteTable["pools"];
}

/** A route table on loopback; what is not named is the default. */
export function tableOf({ app = "app", port = 80, revision = 1, holdMs = 0, pools = [], ...parts }: TableParts): RouteTable {
  return {
    app,
    epoch: 1,
    revision,
    listen: { host: "127.0.0.1", port },
    tls: null,
    proxy: { holdMs, firstByteTimeoutMs: 0 },
    routing: { ...DEFAULT_ROUTING, claim: { ...CLAIM_OF_EVERYTHING, ...parts.claim }, ...parts.routing },
    pools,
  };
}
