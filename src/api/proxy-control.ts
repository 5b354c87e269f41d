import type { LedgerSnapshot } from "../core/ledger.ts";
import type { DrainOutcome, ProbeOutcome, RouteTable, TargetTraffic } from "../core/routes.ts";
import type { SessionRoute } from "../core/statelessness/session-routes.ts";
import type { HealthSpec } from "../core/app-spec.ts";
import type { ListenAddress } from "../core/listen-address.ts";
import type { TlsTraffic } from "../core/tls.ts";
import type { Failure } from "../base/error.ts";
import type { InstanceName } from "../base/names.ts";

/**
 * The control contract of the proxy: HTTP/1.1 with JSON bodies over the unix socket `<state>/proxy/control.sock` (mode 0600).
 * A refused or failed call answers status 409 (conflict), 400 (bad input) or 500 with a `Failure` as its body.
 * The daemon is the only client; calls from one client may overlap. A call whose client goes away is cancelled.
 *
 * | call                    | body            | answer            | when it answers                                           |
 * |-------------------------|-----------------|-------------------|-----------------------------------------------------------|
 * | PUT  /apps/:app/routes  | RouteTable      | AppliedRoutes     | every live worker uses the table (and it is on disk)      |
 * | DELETE /apps/:app       | { epoch }       | {}                | every worker has dropped the app and its listener         |
 * | POST /apps/:app/drain   | DrainRequest    | DrainOutcome      | every worker acknowledged: nothing in flight, idle closed |
 * | POST /apps/:app/quiet   | {}              | { quiet: boolean } | every worker acknowledged: nothing of the paused app is in flight (false: it is not paused) |
 * | POST /apps/:app/mirror | MirrorRequest | { figures: MirrorFigures } | after `forMs` |
 * | POST /apps/:app/record | { forMs } | { requests: RecordedRequest[] } | after `forMs`; they hold cookies, and are on no disk |
 * | POST /probe             | ProbeRequest    | ProbeOutcome      | after one health check                                    |
 * | POST /tls/check         | TlsSpec         | { problems }      | after reading the files; nothing is changed               |
 * | GET  /apps/:app/ledger?at=ms&since=ms | –          | { ledger: LedgerSnapshot or null }   | after asking every worker for what it has not handed over; with `at`, the kept sample nearest before it; with `since`, the slowest since then |
 * | GET  /status            | –               | ProxyStatus       | at once                                                   |
 * | GET  /metrics           | –               | { text }          | after asking every worker, in the Prometheus text format |
 * | POST /upgrade           | UpgradeRequest  | UpgradeOutcome    | the new generation serves; the old one finishes what it has |
 * | POST /shutdown          | { drainMs }     | {}                | every worker has drained its clients and ended            |
 */
export interface AppliedRoutes {
  readonly app: string;
  readonly epoch: number;
  readonly revision: number;
  /** How many workers acknowledged. */
  readonly workers: number;
}

/** Instances must not be in the current route table any more. */
export interface DrainRequest {
  readonly instances: readonly InstanceName[];
  /** Requests that still run after this are cut. */
  readonly timeoutMs: number;
  /** Tunnels that are still open after this are closed. Absent: as for requests. */
  readonly tunnelsMs?: number | undefined;
}

export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  readonly health: HealthSpec;
}

export interface ProxyStatus {
  readonly boot: string;
  readonly pid: number;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly workers: readonly WorkerStatus[];
  /** TLS handshakes since the start, over all workers; the resumed are among the completed. */
  readonly handshakes: { readonly completed: number; readonly resumed: number; readonly failed: number };
  /** The generation before this one, while it finishes what it has. */
  readonly predecessor: { readonly pid: number; readonly clientConnections: number } | null;
  readonly apps: readonly ProxyAppStatus[];
}

/** The new generation's program: what the keeper would start, but without `--succeed`, which is added. */
export interface SuccessorProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly version: string;
}

export interface UpgradeRequest {
  readonly program: SuccessorProgram;
  /** A new generation that is not ready after this is given up. */
  readonly readyMs: number;
  /** Connections of the old generation that are open after this are closed. */
  readonly drainMs: number;
}

export interface UpgradeOutcome {
  readonly from: GenerationInfo;
  readonly to: GenerationInfo;
  /** From the start of the new generation until it serves. */
  readonly ms: number;
}

export interface GenerationInfo {
  readonly pid: number;
  readonly version: string;
}

export interface WorkerStatus {
  readonly pid: number;
  readonly generation: number;
  readonly clientConnections: number;
}

export interface ProxyAppStatus {
  readonly app: string;
  readonly epoch: number;
  readonly revision: number;
  /** As bound: with the real port where the table says 0. */
  readonly listen: ListenAddress;
  readonly tls: TlsTraffic | null;
  readonly targets: readonly ProxyTargetStatus[];
  /** Requests waiting in the proxy for a usable target, over all workers. */
  readonly held: number;
  readonly sessions: readonly SessionRoute[];
  readonly warnings: readonly string[];
}

export type ProxyTargetStatus = TargetTraffic;

export type { DrainOutcome, Failure, LedgerSnapshot, ProbeOutcome, RouteTable };
