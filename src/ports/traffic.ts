import type { InstanceName } from "../base/names.ts";
import type { HealthSpec } from "../core/app-spec.ts";
import type { MirrorFigures, MirrorRequest } from "../core/judging/mirror.ts";
import type { LedgerSnapshot } from "../core/ledger.ts";
import type { TlsSpec } from "../core/tls.ts";
import type { AppTraffic, DrainLimits, DrainOutcome, ProbeOutcome, RouteTable } from "../core/routes.ts";

export interface LedgerQuery {
  /** Milliseconds since the epoch: the counts as they were then (nearest kept sample before it). */
  readonly at?: number;
  /** Milliseconds since the epoch: the slowest requests since then, not since the proxy started. */
  readonly slowestSince?: number;
}

/** The data plane as the engine uses it. Errors are HitlessErrors; ERR_PROXY_UNREACHABLE may be retried, ERR_STALE_EPOCH never. */
export interface Traffic {
  /** Resolves when every worker uses the table. Safe to repeat; an older table is refused with ERR_STALE_EPOCH. */
  apply(table: RouteTable): Promise<void>;
  /** Every problem of the certificates that a deployment would bring, found by reading the files; nothing is changed. */
  checkTls(tls: TlsSpec): Promise<readonly string[]>;
  /** Takes the app and its listener out of the proxy. */
  remove(app: string, epoch: number): Promise<void>;
  /** Resolves when every worker has acknowledged that nothing to these instances is in flight; ends what is left at the limits. Safe to repeat. An aborted call stops waiting and cuts nothing. */
  drain(app: string, instances: readonly InstanceName[], limits: DrainLimits, signal?: AbortSignal): Promise<DrainOutcome>;
  /** Resolves when every worker has acknowledged that nothing of the paused app is in flight (true), or that it is not paused (false). */
  quiet(app: string, signal?: AbortSignal): Promise<boolean>;
  /** One health check, made from where the proxy is. */
  probe(target: { host: string; port: number }, health: HealthSpec, signal: AbortSignal): Promise<ProbeOutcome>;
  /** Cumulative counts, or as they were at a time before. Null if the proxy knows nothing of the app. */
  ledger(app: string, query?: LedgerQuery): Promise<LedgerSnapshot | null>;
  /** Sends a share of the live GET and HEAD requests to the release, too, for so long or until the signal; no client is affected by it. */
  mirror(app: string, request: MirrorRequest, signal: AbortSignal): Promise<MirrorFigures>;
  /** How the app's targets are at the moment; null if the proxy has no table of it. */
  present(app: string): Promise<AppTraffic | null>;
}
