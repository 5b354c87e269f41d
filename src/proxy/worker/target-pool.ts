import type { ExchangeClient } from "./exchange-client.ts";
import type { Upstream } from "./upstream.ts";

/** The ways to one target that are kept open. */
export interface TargetPool {
  /** One that stands and is idle, or null. `fresh`: for a request that cannot be repeated. `client`: whose it is. */
  take(fresh: boolean, client: ExchangeClient): Upstream | null;
  /** A new one; its user is told when it is connected, or gone. */
  dial(client: ExchangeClient): Upstream;
  /** Takes one back that has finished a request cleanly. */
  give(upstream: Upstream): void;
  /** One that was kept open turned out to be closed. */
  noteStale(): void;
  /** Closes what has been idle for too long. */
  sweep(now: number): void;
  /** Closes everything idle, and from now on whatever is given back. */
  retire(): void;
  /** The target is in the table again. */
  revive(): void;
}
