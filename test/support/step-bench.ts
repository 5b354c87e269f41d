import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { ProcessJobs } from "../../src/adapters/process/jobs.ts";
import { ProxyTraffic } from "../../src/adapters/proxy/traffic.ts";
import { SnapshotReleases } from "../../src/adapters/snapshot/releases.ts";
import { SqliteStore } from "../../src/adapters/sqlite/store.ts";
import { withDatabase } from "../../src/app/database.ts";
import { stepParts, type StepParts } from "../../src/app/steps.ts";
import { silentLogger } from "../../src/base/log.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { StepRecord } from "../../src/core/preparation/step-record.ts";
import { leaseOn } from "./lease.ts";
import { temporaryDirectory, until } from "./temp.ts";

/** A release source with steps, and what a daemon has to run them with. */
export class StepBench {
  readonly root = temporaryDirectory();
  readonly state = join(this.root, "state");
  readonly source = join(this.root, "shop");
  readonly #url: string;

  constructor(url: string, app = "shop") {
    this.#url = url;
    mkdirSync(this.state);
    mkdirSync(join(this.source, "deploy/steps"), { recursive: true });
    mkdirSync(join(this.source, "migrations"));
    const processes = { web: { command: "true", env: { DATABASE_URL: url } } };
    const config = { app, listen: "127.0.0.1:1", processes, database: { migrations: "migrations" } };
    writeFileSync(join(this.source, "hitless.config.json"), JSON.stringify(config));
  }

  get url(): string {
    return this.#url;
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.source, "deploy/steps", file), text);
  }

  /** As a daemon that has just started. */
  async daemon(): Promise<StepParts> {
    const store = new SqliteStore(this.state);
    const lease = await leaseOn(store, systemClock);
    const snapshots = new SnapshotReleases({ stateDirectory: this.state, now: Date.now, buildEnvironment: process.env });
    const engine = { apps: () => [], state: () => null };
    const parts = stepParts({
      stateDirectory: this.state,
      store: store.steps(),
      jobs: new ProcessJobs(this.state),
      releases: withDatabase(snapshots, systemClock, { engine: () => engine, traffic: new ProxyTraffic(this.state) }),
      lease,
      engine,
      log: silentLogger,
    });
    await parts.start();
    onTestFinished(() => parts.stop());
    return parts;
  }

  async prepare({ desk }: StepParts): Promise<void> {
    const { spec, source, ignore, build, env } = await this.#config();
    await desk.prepare({ spec, source, ignore, build, env });
  }

  /** As a deployment asks before it begins. */
  async admit({ desk }: StepParts): Promise<void> {
    await desk.admit(await this.#config());
  }

  #config(): ReturnType<typeof loadConfig> {
    return loadConfig({ directory: this.source, file: null, env: {} });
  }
}

/** Resolves when the step has come to that. */
export function stepIs({ desk }: StepParts, name: string, state: StepRecord["state"]): Promise<StepRecord> {
  const found = (): StepRecord | undefined => desk.list("shop").find(({ definition }) => definition.name === name);
  return until(() => (found()?.state === state ? found() : null), { within: 25_000, what: `${name} is ${state}` });
}
