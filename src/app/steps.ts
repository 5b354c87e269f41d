import { availableParallelism, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { systemClock } from "../adapters/clock/system.ts";
import { nodeHttp } from "../adapters/http/node-http.ts";
import { postgresDatabase } from "../adapters/postgres/database.ts";
import { fileSources } from "../adapters/postgres/sources.ts";
import { FileStepPlaces } from "../adapters/process/step-places.ts";
import { SnapshotReleases } from "../adapters/snapshot/releases.ts";
import type { Logger } from "../base/log.ts";
import type { DatabaseReleases } from "../engine/database/releases.ts";
import type { LeaseKeeper } from "../engine/lease.ts";
import { databaseOf } from "../engine/preparation/database-steps.ts";
import { StepBook } from "../engine/preparation/step-book.ts";
import { StepDesk } from "../engine/preparation/step-desk.ts";
import { StepKeeper } from "../engine/preparation/step-keeper.ts";
import type { StepRun } from "../engine/preparation/step-run.ts";
import type { Jobs } from "../ports/jobs.ts";
import type { StepStore } from "../ports/steps.ts";
import type { EngineView } from "./database.ts";
import { stepSources } from "./step-sources.ts";

const PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./step-program.ts" : "./step-program.js", import.meta.url),
);

export interface StepWiring {
  readonly stateDirectory: string;
  readonly store: StepStore;
  readonly jobs: Jobs;
  readonly releases: DatabaseReleases;
  readonly lease: LeaseKeeper;
  readonly engine: EngineView;
  readonly log: Logger;
}

/** What runs ahead of deployments. */
export interface StepParts {
  readonly desk: StepDesk;
  /** Takes up what an earlier daemon has left. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function stepParts({ stateDirectory, store, jobs, releases, lease, engine, log }: StepWiring): StepParts {
  const snapshots = new SnapshotReleases({ stateDirectory, folder: "prepared", now: Date.now, buildEnvironment: process.env });
  const book = new StepBook(store, () => lease.epoch);
  const places = new FileStepPlaces(stateDirectory, PROGRAM);
  const expand = (run: StepRun): Promise<void> => expandAhead(releases, engine, run);
  const pacer: DatabaseReleases["pacer"] = (...about) => releases.pacer(...about);
  const keeper = new StepKeeper({
    ports: {
      clock: systemClock,
      database: postgresDatabase,
      jobs,
      http: nodeHttp,
      places,
      language: () => fileSources.language(),
      pacer,
      expand,
    },
    book,
    snapshots,
    machine: { load: () => (loadavg()[0] ?? 0) / availableParallelism() },
    isDeploying: (app) => engine.state(app)?.deployment?.outcome === null,
    mayAct: () => lease.isHeld(),
    log,
  });
  return {
    desk: new StepDesk({ book, keeper, snapshots, sources: stepSources, database: postgresDatabase, clock: systemClock }),
    start: async () => {
      await book.load();
      keeper.start();
    },
    stop: () => keeper.stop(),
  };
}

/** For the release that the next deployment makes. */
async function expandAhead(releases: DatabaseReleases, engine: EngineView, run: StepRun): Promise<void> {
  const { app } = run.record();
  const { url, spec } = databaseOf(run);
  await releases.expand(url, {
    app,
    release: engine.state(app)?.next.release ?? 1,
    directory: run.workplace.directory,
    env: run.workplace.env,
    spec,
    onOutput: run.note,
    signal: run.signal,
    ahead: true,
    backfill: {
      signal: run.signal,
      throttlePercent: () => run.record().throttle,
      onProgress: ({ walked, total, rowsPerSecond, etaMs, slow }) => {
        run.onProgress({ done: walked, total, perSecond: rowsPerSecond, etaMs }, slow);
      },
    },
  });
}
