import { systemClock } from "../../../src/adapters/clock/system.ts";
import { nodeHttp } from "../../../src/adapters/http/node-http.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import { fileSources } from "../../../src/adapters/postgres/sources.ts";
import { DatabaseReleases } from "../../../src/engine/database/releases.ts";
import type { Releases } from "../../../src/ports/releases.ts";
import type { Traffic } from "../../../src/ports/traffic.ts";

/** As a daemon upgrades a database, with the real one; of the world around it only which releases live is asked. */
export function databaseReleases(live: readonly string[]): DatabaseReleases {
  const inner = { workplace: () => Promise.resolve({ spec: {} }) } as unknown as Releases;
  return new DatabaseReleases(inner, {
    clock: systemClock,
    database: postgresDatabase,
    sources: fileSources,
    shadows: postgresShadows,
    live: () => live,
    traffic: {} as Traffic,
    http: nodeHttp,
  });
}
