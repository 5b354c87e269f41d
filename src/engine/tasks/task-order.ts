import type { Command } from "../../core/command.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Http } from "../../ports/http.ts";
import type { Jobs } from "../../ports/jobs.ts";
import type { Releases } from "../../ports/releases.ts";
import type { Traffic } from "../../ports/traffic.ts";

/** A task as it was ordered, and where. */
export interface TaskOrder {
  readonly app: string;
  readonly command: Extract<Command, { kind: "task.run" }>;
  /** Aborted with `TaskCancelled` when the task is to end; else this process ends and another one takes the task up. */
  readonly signal: AbortSignal;
  /** What lasts until it is told comes to its verdict when this is aborted (see `Conclusions`). */
  readonly conclusion: AbortSignal;
}

/** Why a signal was aborted: the task as such is to end. */
export class TaskCancelled extends Error {}

export type ShowLines = (lines: readonly string[]) => void;

/** What tasks need of the world. */
export interface TaskPorts {
  readonly releases: Releases;
  readonly jobs: Jobs;
  readonly http: Http;
  readonly traffic: Traffic;
  readonly clock: Clock;
}
