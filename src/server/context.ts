import type { DaemonInfo, ShutdownRequest } from "../api/daemon.ts";
import type { Logger } from "../base/log.ts";
import type { EngineControl } from "../engine/control.ts";
import type { Traffic } from "../ports/traffic.ts";

/** What the API serves from. */
export interface ServerContext {
  readonly engine: EngineControl;
  readonly traffic: Traffic;
  readonly stateDirectory: string;
  readonly log: Logger;
  readonly now: () => number;
  info(): Promise<DaemonInfo>;
  /** Resolves when what can be waited for is done; the process ends after the answer. */
  shutdown(request: ShutdownRequest): Promise<void>;
}
