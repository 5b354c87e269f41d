import type { DaemonInfo } from "../api/daemon.ts";

/** What the commands need of the program they run in. */
export interface CliHost {
  readonly version: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** `user@host`, for the record. */
  readonly operator: string;
  defaultStateDirectory(): string;
  /** Finds the daemon or starts one in the background. */
  ensureDaemon(stateDirectory: string, workers: number | null): Promise<{ readonly info: DaemonInfo; readonly fresh: boolean }>;
  /** Runs the daemon in this process; resolves when it has ended. */
  runDaemon(options: { stateDirectory: string; foreground: boolean; workers: number | null }): Promise<void>;
  /** This process becomes a state server. */
  runStateServer(options: StateServerOptions): Promise<void>;
  /** Calls back on each Ctrl-C instead of ending; gives what undoes that. */
  onInterrupt(listener: () => void): () => void;
}

/** As given on the command line. */
export interface StateServerOptions {
  readonly data: string;
  readonly listen?: readonly string[] | undefined;
  readonly fsync?: string | undefined;
  readonly memory?: string | undefined;
  readonly clients?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}
