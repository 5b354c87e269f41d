import { silentLogger } from "../src/base/log.ts";
import type { AppState } from "../src/core/state.ts";
import { ContractKeeper } from "../src/engine/database/contract-keeper.ts";
import { liveReleases } from "../src/engine/database/live-releases.ts";
import { DatabaseReleases } from "../src/engine/database/releases.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Database } from "../src/ports/database.ts";
import type { Releases } from "../src/ports/releases.ts";
import type { Traffic } from "../src/ports/traffic.ts";
import type { CrashPlan, Life } from "./crashing.ts";
import type { SimDatabase } from "./database.ts";
import { simHttp } from "./http.ts";
import { simSources } from "./sources.ts";

export interface DatabaseLifeParts {
  readonly crash: CrashPlan;
  readonly clock: Clock;
  readonly releases: Releases;
  readonly traffic: Traffic;
  readonly apps: () => readonly string[];
  readonly state: (app: string) => AppState | null;
}

/** What one life of the engine does with the database: each of its calls is a place to crash. */
export function databaseLife(
  simulated: SimDatabase,
  life: Life,
  { crash, clock, releases, traffic, apps, state }: DatabaseLifeParts,
): { readonly releases: Releases; readonly keeper: ContractKeeper } {
  const own = simulated.of(life);
  const lease: Database["lease"] = async (...asked) => crash.wrap(await own.lease(...asked), life);
  const database = crash.wrap({ ...own, lease }, life);
  return {
    releases: new DatabaseReleases(releases, {
      clock,
      database,
      sources: simSources,
      // Without a copy a plan is what its rules say.
      shadows: { open: () => Promise.reject(new Error("simulated")) },
      traffic,
      http: simHttp,
      live: (app) => liveReleases(state(app)),
    }),
    keeper: new ContractKeeper({ clock, database, releases, apps, state, log: silentLogger }),
  };
}
