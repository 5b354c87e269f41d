import type { InstanceName } from "../base/names.ts";
import type { LaunchPlan } from "./releases.ts";

export interface StartRequest {
  readonly app: string;
  readonly instance: InstanceName;
  readonly release: string;
  readonly type: string;
  readonly launch: LaunchPlan;
  /** Of the app's one writer. */
  readonly epoch: number;
}

export interface StopOptions {
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  /** Of the app's one writer. */
  readonly epoch: number;
}

export interface Started {
  readonly pid: number;
  readonly host: string;
  /** The port the instance was told to listen on, by `PORT`. */
  readonly port: number;
  /** The port it was told to answer health checks on, by the launch plan's variable. Absent: `port`. */
  readonly healthPort?: number | undefined;
}

export interface Exit {
  readonly app: string;
  readonly instance: InstanceName;
  /** "exited with code 1", "was ended by SIGKILL", "is gone". */
  readonly how: string;
}

/**
 * Runs instances. They belong to the fleet, not to this process: they go on when it dies and are found again. From the moment a newer epoch of the app
 * is opened, `start` and `stop` with an older one do nothing more, what is under way included, and throw ERR_STALE_EPOCH.
 */
export interface Fleet {
  /**
   * Starts the instance, or gives what is recorded if it was started before under this name (whether or not it still runs; an exit is then
   * reported). Throws ERR_COMMAND_NOT_FOUND and the like as HitlessError.
   */
  start(request: StartRequest): Promise<Started>;
  /** Stop signal to the whole process group, SIGKILL after the grace. Resolves when no process of the group is left. Safe to repeat. */
  stop(app: string, instance: InstanceName, options: StopOptions): Promise<"exited" | "killed" | "gone">;
  /** Instances of the app that run now, among those started by this or an earlier process; adopts them, so that their exits are reported. */
  adopt(app: string): Promise<readonly InstanceName[]>;
  /** Called once for each instance that ends without `stop`, as soon as it is known. */
  onExit(listener: (exit: Exit) => void): void;
  /** The last lines of the instance's output, oldest first. */
  logTail(app: string, instance: InstanceName, lines: number): Promise<readonly string[]>;
}
