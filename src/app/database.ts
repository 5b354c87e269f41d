import { nodeHttp } from "../adapters/http/node-http.ts";
import { postgresDatabase } from "../adapters/postgres/database.ts";
import { postgresShadows } from "../adapters/postgres/shadow/shadows.ts";
import { fileSources } from "../adapters/postgres/sources.ts";
import type { Logger } from "../base/log.ts";
import type { AppState } from "../core/state.ts";
import { ContractKeeper } from "../engine/database/contract-keeper.ts";
import { liveReleases } from "../engine/database/live-releases.ts";
import { DatabaseReleases } from "../engine/database/releases.ts";
import type { Clock } from "../ports/clock.ts";
import type { Releases } from "../ports/releases.ts";
import type { Traffic } from "../ports/traffic.ts";

/** What the engine knows, for those who are made before it. */
export interface EngineView {
  apps(): readonly string[];
  state(app: string): AppState | null;
}

/** Releases that bring their database along. */
export function withDatabase(
  snapshots: Releases,
  clock: Clock,
  parts: { engine: () => EngineView; traffic: Traffic },
): DatabaseReleases {
  const { engine, traffic } = parts;
  return new DatabaseReleases(snapshots, {
    clock,
    traffic,
    http: nodeHttp,
    database: postgresDatabase,
    sources: fileSources,
    shadows: postgresShadows,
    live: (app) => liveReleases(engine().state(app)),
  });
}

export function contractKeeper(parts: { releases: Releases; clock: Clock; log: Logger; engine: EngineView }): ContractKeeper {
  const { engine, ...rest } = parts;
  return new ContractKeeper({
    ...rest,
    database: postgresDatabase,
    apps: () => engine.apps(),
    state: (app) => engine.state(app),
  });
}
