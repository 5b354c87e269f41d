import type {
  Accepted,
  AppStatus,
  DaemonInfo,
  DeployAccepted,
  DeploymentProgress,
  DeploymentStatus,
  DeployRequest,
  LogChunk,
  PrepareRequest,
  ProxyStatus,
  ReleaseStatus,
  Report,
  ShutdownRequest,
  UpgradeOutcome,
} from "../api/daemon.ts";
import type { SessionMoveStatus, SessionsStatus } from "../api/sessions.ts";
import type { StatelessnessAnswer, VerifyStatelessRequest } from "../api/statelessness.ts";
import type { StepOperation, StepStatus } from "../api/steps.ts";
import type { LedgerSnapshot } from "../core/ledger.ts";
import { daemonSocket } from "../api/transport/paths.ts";
import { call } from "../api/transport/call.ts";

/** The daemon as the commands see it: one method for each call of `api/daemon`. */
export class DaemonClient {
  readonly #socket: string;
  readonly by: string;

  /** `by` goes on record with everything that is asked for. */
  constructor(stateDirectory: string, by: string) {
    this.#socket = daemonSocket(stateDirectory);
    this.by = by;
  }

  info(): Promise<DaemonInfo> {
    return this.#get("/v1/daemon");
  }

  async shutdown(instances: ShutdownRequest["instances"]): Promise<void> {
    await this.#post("/v1/daemon/shutdown", { by: this.by, instances });
  }

  proxy(): Promise<ProxyStatus> {
    return this.#get("/v1/daemon/proxy");
  }

  /** In the Prometheus text format. */
  async metrics(): Promise<string> {
    return (await this.#get<{ text: string }>("/v1/daemon/proxy/metrics")).text;
  }

  /** Resolves when the new generation serves. */
  upgradeProxy(drainMs: number | null): Promise<UpgradeOutcome> {
    return this.#post("/v1/daemon/proxy/upgrade", { by: this.by, drainMs });
  }

  async apps(): Promise<readonly AppStatus[]> {
    return (await this.#get<{ apps: readonly AppStatus[] }>("/v1/apps")).apps;
  }

  app(app: string): Promise<AppStatus> {
    return this.#get(appPath(app));
  }

  deploy(request: Omit<DeployRequest, "by">): Promise<DeployAccepted> {
    return this.#post(`${appPath(request.spec.app)}/deployments`, { ...request, by: this.by });
  }

  /** The app's steps as they are when those of this source are known. */
  async prepare(request: Omit<PrepareRequest, "by">): Promise<readonly StepStatus[]> {
    const path = `${appPath(request.spec.app)}/prepare`;
    return (await this.#post<{ steps: readonly StepStatus[] }>(path, { ...request, by: this.by })).steps;
  }

  async steps(app: string): Promise<readonly StepStatus[]> {
    return (await this.#get<{ steps: readonly StepStatus[] }>(`${appPath(app)}/steps`)).steps;
  }

  /** Gives what is said of it. */
  async tellStep(app: string, step: string, operation: StepOperation, percent: number | null): Promise<string> {
    const path = `${appPath(app)}/steps/${encodeURIComponent(step)}/${operation}`;
    return (await this.#post<{ said: string }>(path, { by: this.by, percent })).said;
  }

  /** `rollback`, `restart`, `scale`, `abort`, `queue/clear`, `suspend`, `resume`. */
  request(app: string, operation: string, body: object = {}): Promise<Accepted> {
    return this.#post(`${appPath(app)}/${operation}`, { by: this.by, ...body });
  }

  async deployments(app: string, limit: number): Promise<readonly DeploymentStatus[]> {
    const { deployments } = await this.#get<{ deployments: readonly DeploymentStatus[] }>(
      `${appPath(app)}/deployments?limit=${String(limit)}`,
    );
    return deployments;
  }

  progress(app: string, deployment: string, after: number, waitMs: number): Promise<DeploymentProgress> {
    return this.#get(
      `${appPath(app)}/deployments/${encodeURIComponent(deployment)}?after=${String(after)}&waitMs=${String(waitMs)}`,
    );
  }

  report(app: string, deployment: string): Promise<Report> {
    return this.#get(`${appPath(app)}/deployments/${encodeURIComponent(deployment)}/report`);
  }

  /** Cumulative since the proxy started; null before its first request. */
  async ledger(app: string): Promise<LedgerSnapshot | null> {
    return (await this.#get<{ ledger: LedgerSnapshot | null }>(`${appPath(app)}/ledger`)).ledger;
  }

  async releases(app: string): Promise<readonly ReleaseStatus[]> {
    return (await this.#get<{ releases: readonly ReleaseStatus[] }>(`${appPath(app)}/releases`)).releases;
  }

  sessions(app: string, prefix: string): Promise<SessionsStatus> {
    return this.#get(`${appPath(app)}/sessions?prefix=${encodeURIComponent(prefix)}`);
  }

  /** The last one; null: there was none. */
  async sessionMove(app: string): Promise<SessionMoveStatus | null> {
    return (await this.#get<{ move: SessionMoveStatus | null }>(`${appPath(app)}/sessions/move`)).move;
  }

  /** Resolves when it has begun. */
  async moveSessions(app: string, to: string): Promise<void> {
    await this.#post(`${appPath(app)}/sessions/move`, { by: this.by, to });
  }

  /** Resolves when it has begun to go back. */
  async abortSessionMove(app: string): Promise<void> {
    await this.#post(`${appPath(app)}/sessions/move/abort`, { by: this.by });
  }

  /** Resolves when the walks are over. */
  verifyStateless(app: string, request: Omit<VerifyStatelessRequest, "by">): Promise<StatelessnessAnswer> {
    return this.#post(`${appPath(app)}/verify/stateless`, { ...request, by: this.by });
  }

  /** From `offset`, or the last `lines` lines. */
  logs(app: string, instance: string, from: { offset: number } | { lines: number }): Promise<LogChunk> {
    const query = "offset" in from ? `offset=${String(from.offset)}` : `lines=${String(from.lines)}`;
    return this.#get(`${appPath(app)}/logs/${encodeURIComponent(instance)}?${query}`);
  }

  #get<T>(path: string): Promise<T> {
    return this.#call(path, "GET");
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#call(path, "POST", body);
  }

  #call<T>(path: string, method: "GET" | "POST", body?: unknown): Promise<T> {
    return call(this.#socket, path, {
      method,
      ...(body === undefined ? {} : { body }),
      unreachable: {
        code: "ERR_DAEMON_UNREACHABLE",
        what: `No daemon answers on ${this.#socket}.`,
        next: "Start it with `hitless up`. What it had started goes on serving meanwhile.",
      },
    });
  }
}

function appPath(app: string): string {
  return `/v1/apps/${encodeURIComponent(app)}`;
}
