import { silentLogger } from "../../src/base/log.ts";
import { LeaseKeeper } from "../../src/engine/lease.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";

/** The lease of an engine that is alone: it is taken at once, from whoever has it. */
export async function leaseOn(store: Store, clock: Clock): Promise<LeaseKeeper> {
  const keeper = new LeaseKeeper(store, { clock, log: silentLogger }, { holder: "test", ttlMs: 15_000, isGone: () => true });
  await keeper.take();
  return keeper;
}
