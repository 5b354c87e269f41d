import type { LaunchPlan } from "./releases.ts";

export interface JobRequest {
  readonly app: string;
  /** The same id is the same job for ever. */
  readonly job: string;
  readonly launch: LaunchPlan;
  /** From its start to SIGTERM, and SIGKILL five seconds after. */
  readonly timeoutMs: number;
  /** Values that are not shown in `onOutput` and in the tail. */
  readonly secrets: readonly string[];
}

export interface JobEnd {
  readonly how:
    | { readonly kind: "exited"; readonly code: number }
    | { readonly kind: "timeout" }
    | { readonly kind: "cancelled" }
    /** There is a trace of it and none of its end: it may have done its work, and is not done again. */
    | { readonly kind: "lost" };
  /** The last lines of its output, oldest first. */
  readonly tail: readonly string[];
}

export interface JobWatch {
  /** What is printed, some lines at a time; after a restart of the caller a line may come twice. */
  onOutput(lines: readonly string[]): void;
  /** Ends the watching, not the job. */
  readonly signal: AbortSignal;
}

/**
 * Runs commands that come to an end. Each is started at most once, whatever dies in between: asked for again, the one that runs is watched
 * on, or its end is given. They go on when the caller dies. A command that cannot be found throws ERR_COMMAND_NOT_FOUND; nothing was started.
 */
export interface Jobs {
  run(request: JobRequest, watch: JobWatch): Promise<JobEnd>;
  /** Ends the job with its whole process group; one that was never started never will be. Resolves when nothing of it is left. */
  cancel(app: string, job: string): Promise<void>;
}
