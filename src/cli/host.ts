import type { DatabaseDiff, DatabaseStatus, PlanReport } from "../api/database.ts";
import type { DatabaseSpec } from "../core/database-spec.ts";
import type { DaemonInfo } from "../api/daemon.ts";
import type { StepStatus } from "../api/steps.ts";
import type { AppSpec } from "../core/app-spec.ts";
import type { AheadPlan } from "../core/preparation/ahead.ts";

/** The database of one app. */
export interface DatabaseTarget {
  readonly app: string;
  readonly url: string;
  readonly spec: DatabaseSpec;
}

/** A release that is planned. */
export interface PlanTarget extends DatabaseTarget {
  /** Its source. */
  readonly directory: string;
  /** Variables of its processes. */
  readonly env: Readonly<Record<string, string>>;
  /** A directory with statements of the release that runs now, from the source; null: those that PostgreSQL has counted are all. */
  readonly running: string | null;
  /** Whether it is tried on a copy of the database. */
  readonly tried: boolean;
}

/** A release of which it is asked what could move ahead of its deployment. */
export interface AheadTarget {
  readonly spec: AppSpec;
  /** Its source. */
  readonly directory: string;
  /** Of its database; null: it has none. */
  readonly url: string | null;
  /** What its database lacks; null: it has none. */
  readonly database: PlanReport | null;
  /** As the daemon knows them. */
  readonly known: readonly StepStatus[];
}

/** What `hitless db` does, without a daemon. */
export interface DatabaseTools {
  plan(target: PlanTarget): Promise<PlanReport>;
  status(target: DatabaseTarget): Promise<DatabaseStatus>;
  /** By the names of the releases. */
  diff(target: DatabaseTarget, releases: readonly [string, string]): Promise<DatabaseDiff>;
  /** Gives what was done, in one sentence. `force`: although there are clients that do not say whose they are. */
  contract(target: DatabaseTarget & { readonly force: boolean }, note: (text: string) => void): Promise<string>;
  undo(target: DatabaseTarget, note: (text: string) => void): Promise<string>;
  guidelines(): Promise<string>;
}

/** What the commands need of the program they run in. */
export interface CliHost {
  readonly version: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** `user@host`, for the record. */
  readonly operator: string;
  readonly database: DatabaseTools;
  planAhead(target: AheadTarget): Promise<AheadPlan>;
  defaultStateDirectory(): string;
  /** Finds the daemon or starts one in the background. */
  ensureDaemon(stateDirectory: string, workers: number | null): Promise<{ readonly info: DaemonInfo; readonly fresh: boolean }>;
  /** Runs the daemon in this process; resolves when it has ended. */
  runDaemon(options: {
    stateDirectory: string;
    foreground: boolean;
    workers: number | null;
    leaseMs: number | null;
  }): Promise<void>;
  /** This process becomes a state server. */
  runStateServer(options: StateServerOptions): Promise<void>;
  /** Calls back on each Ctrl-C instead of ending; gives what undoes that. */
  onInterrupt(listener: () => void): () => void;
}

/** As given on the command line. */
export interface StateServerOptions {
  readonly data: string;
  readonly listen?: readonly string[] | undefined;
  readonly aspNet?: string | undefined;
  readonly fsync?: string | undefined;
  readonly memory?: string | undefined;
  readonly clients?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}
