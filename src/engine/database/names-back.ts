import { HitlessError } from "../../base/error.ts";
import { createRng } from "../../base/rng.ts";
import type { DatabaseSpec } from "../../core/database-spec.ts";
import type { ChangeSet } from "../../database/change-set.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database, DatabaseLease } from "../../ports/database.ts";
import { pause, type Patience } from "./patience.ts";
import { swapsOf, unswapNames } from "./soft-swap.ts";

/** A release and its database. */
export interface ReleasePlace {
  readonly app: string;
  readonly url: string;
  readonly release: number;
  readonly spec: Pick<DatabaseSpec, "lockTimeoutMs" | "lockPatienceMs">;
}

interface Parts {
  readonly clock: Clock;
  readonly database: Database;
}

/**
 * Before an instance of an older release is started: where soft contracts of newer ones have given the base their names, it gets the old ones back.
 * The newer releases see nothing of it, as they have their overlays. Each step is a short transaction.
 */
export async function giveNamesBack({ clock, database }: Parts, { app, url, release, spec }: ReleasePlace): Promise<void> {
  const newer = (await database.changeSets(url, app)).filter((set) => set.release > release);
  for (const set of newer.toReversed()) {
    if (!(await isBegun(database, { app, url }, set))) continue;
    const { lockTimeoutMs, lockPatienceMs: limitMs } = spec;
    const { signal } = new AbortController();
    const patience: Patience = { clock, rng: createRng(clock.now()), signal, lockTimeoutMs, limitMs };
    const lease = await leaseWhenFree(database, { app, url }, patience);
    try {
      const now = (await lease.changeSets()).find((one) => one.release === set.release);
      if (now?.state === "expanded") await lease.save({ ...now, keptUntilMs: null });
      if (now !== undefined && hasSwaps(now)) await unswapNames({ lease, patience, note: () => undefined }, now);
    } finally {
      await lease.close();
    }
  }
}

const hasSwaps = ({ state, plan }: ChangeSet): boolean =>
  (state === "expanded" || state === "reverting") && plan.swaps !== undefined;

/** Swaps are done, or somebody may be doing them. */
async function isBegun(database: Database, { app, url }: Pick<ReleasePlace, "app" | "url">, set: ChangeSet): Promise<boolean> {
  if (!hasSwaps(set)) return false;
  if (typeof set.keptUntilMs === "number") return true;
  return swapsOf(set, await database.journal(url, app, set.release), "done").length > 0;
}

/** Whoever gives the base the newer names stops when it sees that an older release is started. */
async function leaseWhenFree(
  database: Database,
  { app, url }: Pick<ReleasePlace, "app" | "url">,
  patience: Patience,
): Promise<DatabaseLease> {
  const until = patience.clock.now() + patience.limitMs;
  for (let tries = 0; ; tries++) {
    try {
      return await database.lease(url, app);
    } catch (error) {
      const isBusy = error instanceof HitlessError && error.code === "ERR_DATABASE_BUSY";
      if (!isBusy || patience.clock.now() >= until) throw error;
    }
    await pause(patience, tries);
  }
}
