import type { DaemonInfo, ShutdownRequest } from "../api/daemon.ts";
import type { ProxyStatus, UpgradeOutcome } from "../api/proxy-control.ts";
import type { SessionsStatus } from "../api/sessions.ts";
import type { VerifyStatelessRequest } from "../api/statelessness.ts";
import type { Logger } from "../base/log.ts";
import type { StatelessnessOutcome } from "../core/statelessness/outcome.ts";
import type { AppState } from "../core/state.ts";
import type { EngineControl } from "../engine/control.ts";
import type { StepControl } from "../engine/preparation/step-control.ts";
import type { SessionMoves } from "../engine/sessions/session-moves.ts";
import type { Traffic } from "../ports/traffic.ts";

/** The proxy as a program. */
export interface ProxyControl {
  status(): Promise<ProxyStatus>;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
  /** Resolves when the new generation serves; null for the usual time to finish. */
  upgrade(drainMs: number | null): Promise<UpgradeOutcome>;
}

/** What the API serves from. */
export interface ServerContext {
  readonly engine: EngineControl;
  readonly steps: StepControl;
  readonly traffic: Traffic;
  readonly stateDirectory: string;
  readonly log: Logger;
  readonly now: () => number;
  readonly proxy: ProxyControl;
  /** Of the app's session store; of the sessions whose ids begin with `prefix`. */
  sessions(state: AppState, prefix: string): Promise<SessionsStatus>;
  /** Moves of sessions to other stores. */
  readonly sessionMoves: Pick<SessionMoves, "admit" | "admitRequest" | "begin" | "abort" | "report">;
  /** Walks over the instances of the app's active release. */
  verifyStateless(state: AppState, request: VerifyStatelessRequest, signal: AbortSignal): Promise<StatelessnessOutcome>;
  /** What removes from the database what only old releases used. */
  readonly contracts: { problems(app: string): readonly string[] };
  info(): Promise<DaemonInfo>;
  /** Resolves when what can be waited for is done; the process ends after the answer. */
  shutdown(request: ShutdownRequest): Promise<void>;
}
