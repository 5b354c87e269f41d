import type { Failure } from "../../base/error.ts";
import type { StepProgress, StepRecord } from "../../core/preparation/step-record.ts";
import type { SqlLanguage } from "../../database/language.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Http } from "../../ports/http.ts";
import type { Jobs } from "../../ports/jobs.ts";
import type { Workplace } from "../../ports/releases.ts";
import type { Pacer } from "../database/backfill-options.ts";
import type { DatabaseReleases } from "../database/releases.ts";
import type { StepPlaces } from "../../ports/steps.ts";

export interface StepPorts {
  readonly clock: Clock;
  readonly database: Database;
  readonly jobs: Jobs;
  readonly http: Http;
  readonly places: StepPlaces;
  /** PostgreSQL's grammar. */
  readonly language: () => Promise<SqlLanguage>;
  /** What slows down the filling of a table, as users, replicas and others feel it. */
  readonly pacer: (...about: Parameters<DatabaseReleases["pacer"]>) => Pacer;
  /** Upgrades the database for the coming release, from its prepared snapshot. */
  readonly expand: (run: StepRun) => Promise<void>;
}

/** One attempt at a step. */
export interface StepRun {
  /** As it is now: an operator may change it meanwhile. */
  readonly record: () => StepRecord;
  readonly workplace: Workplace;
  /** Ends the attempt; the next goes on where it was. */
  readonly signal: AbortSignal;
  /** Aborted with a StepStop when what is at work is to be ended too; `signal` alone: whoever comes next takes it up. */
  readonly cut: AbortSignal;
  readonly onProgress: (progress: StepProgress, slow: string | null) => void;
  readonly note: (text: string) => void;
}

/** How an attempt ended that was not cut short; what failed is thrown. */
export type StepEnd =
  | { readonly kind: "done" }
  | { readonly kind: "incomplete"; readonly failure: Failure }
  /** Not now; it is begun again. */
  | { readonly kind: "again"; readonly reason: string };

export const DONE: StepEnd = { kind: "done" };
