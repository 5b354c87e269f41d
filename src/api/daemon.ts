import { z } from "zod";
import type { SessionMoveStatus } from "./sessions.ts";
import type { Failure } from "../base/error.ts";
import { BUSY_POLICIES, STRATEGIES, type Batch } from "../core/app-spec.ts";
import { PAUSE_ENDS, type GatePeriod, type MaintenanceState, type PauseState } from "../core/gate.ts";
import type { LedgerCounts, SlowRequest } from "../core/ledger.ts";
import type { PreviewWay } from "../core/previews.ts";
import type { SessionRoute } from "../core/statelessness/session-routes.ts";
import type { Instance, Outcome, Phase } from "../core/state.ts";
import type { Task, Verdict } from "../core/task.ts";
import type { TlsTraffic } from "../core/tls.ts";
import type { ProxyStatus, UpgradeOutcome } from "./proxy-control.ts";
import { maintenanceFields } from "./gate.ts";
import { appSpecSchema, batchSchema } from "./app-spec.ts";

/**
 * The wire contract of the daemon: HTTP/1.1 with JSON bodies over the unix socket `<state>/daemon.sock` (mode 0600).
 * A call that fails answers with a status of 400 (bad input), 404, 409 (conflict), 500 or 503 and a `Failure` as its body.
 *
 * | call                                           | body              | answer             |
 * |------------------------------------------------|-------------------|--------------------|
 * | GET    /v1/daemon                              | –                 | DaemonInfo         |
 * | POST   /v1/daemon/shutdown                     | ShutdownRequest   | {}  (then it ends) |
 * | GET    /v1/daemon/proxy                        | –                 | ProxyStatus        |
 * | GET    /v1/daemon/proxy/metrics                | –                 | { text }, in the Prometheus text format |
 * | POST   /v1/daemon/proxy/upgrade                | UpgradeProxyRequest | UpgradeOutcome   |
 * | GET    /v1/apps                                | –                 | { apps: AppStatus[] } |
 * | GET    /v1/apps/:app                           | –                 | AppStatus          |
 * | POST   /v1/apps/:app/deployments               | DeployRequest     | DeployAccepted     |
 * | POST   /v1/apps/:app/rollback                  | RollbackRequest   | Accepted           |
 * | POST   /v1/apps/:app/restart                   | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/scale                     | ScaleRequest      | Accepted           |
 * | POST   /v1/apps/:app/abort                     | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/queue/clear               | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/promote                   | PromoteRequest    | Accepted           |
 * | POST   /v1/apps/:app/rollout/pause, …/resume   | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/rollout/retry             | RetryRequest      | Accepted; another deployment than the last one if that has ended |
 * | POST   /v1/apps/:app/suspend, …/resume         | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/pause                     | PauseRequest      | Accepted; `pause` of AppStatus tells when nothing is in flight |
 * | POST   /v1/apps/:app/unpause                   | OperatorRequest   | Accepted           |
 * | POST   /v1/apps/:app/maintenance               | MaintenanceRequest | Accepted          |
 * | GET    /v1/apps/:app/deployments?limit=n       | –                 | { deployments: DeploymentStatus[] } newest first |
 * | GET    /v1/apps/:app/deployments/:d?after=seq&waitMs=n | –         | DeploymentProgress; with waitMs it waits for news |
 * | GET    /v1/apps/:app/deployments/:d/report     | –                 | Report             |
 * | GET    /v1/apps/:app/ledger                    | –                 | LedgerSnapshot (core) |
 * | GET    /v1/apps/:app/releases                  | –                 | { releases: ReleaseStatus[] } newest first |
 * | GET    /v1/apps/:app/sessions?prefix=text      | –                 | SessionsStatus (api/sessions) |
 * | GET    /v1/apps/:app/sessions/move             | –                 | { move: SessionMoveStatus or null } (api/sessions): the last one |
 * | POST   /v1/apps/:app/sessions/move             | MoveSessionsRequest | { move } when it has begun |
 * | POST   /v1/apps/:app/sessions/move/abort       | OperatorRequest   | { move }, which goes back |
 * | POST   /v1/apps/:app/verify/stateless          | VerifyStatelessRequest | StatelessnessAnswer (api/statelessness), when the walks are over |
 * | GET    /v1/apps/:app/logs/:instance?offset=n&lines=n | –           | LogChunk           |
 */
export const operatorSchema = z.strictObject({ by: z.string().min(1).max(200) });
export type OperatorRequest = z.infer<typeof operatorSchema>;

const overrideSchema = z.string().min(1).max(500);

export const deployRequestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  spec: appSpecSchema,
  source: z.string().min(1),
  ignore: z.array(z.string()),
  build: z.string().min(1).nullable(),
  env: z.record(z.string(), z.record(z.string(), z.string())),
  strategy: z.enum(STRATEGIES).nullable(),
  batch: batchSchema.nullable(),
  force: z.boolean(),
  /** While another one runs; absent: as the configuration says. */
  whenBusy: z.enum(BUSY_POLICIES).optional(),
  /** Why it begins although deployments are frozen. */
  override: overrideSchema.optional(),
});
export type DeployRequest = z.infer<typeof deployRequestSchema>;

/** Steps are run from a source without a deployment of it. */
export const prepareRequestSchema = deployRequestSchema.omit({ strategy: true, batch: true, force: true });
export type PrepareRequest = z.infer<typeof prepareRequestSchema>;

export const rollbackRequestSchema = z.strictObject({ by: z.string().min(1).max(200), release: z.string().nullable() });
export type RollbackRequest = z.infer<typeof rollbackRequestSchema>;

/** `full`: with all the rest, without waiting for anything any more. */
export const promoteRequestSchema = z.strictObject({ by: z.string().min(1).max(200), full: z.boolean().optional() });

/** `override`: why it begins although deployments are frozen. */
export const retryRequestSchema = z.strictObject({ by: z.string().min(1).max(200), override: overrideSchema.optional() });

export const scaleRequestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  counts: z.record(z.string(), z.number().int().min(0).max(10_000)),
});
export type ScaleRequest = z.infer<typeof scaleRequestSchema>;

export const pauseRequestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  forMs: z
    .number()
    .int()
    .min(0)
    .max(7 * 86_400_000),
  then: z.enum(PAUSE_ENDS),
});
export type PauseRequest = z.infer<typeof pauseRequestSchema>;

/** What is not given is as the release says; null turns it off. */
export const maintenanceRequestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  page: z.strictObject(maintenanceFields).partial().nullable(),
});
export type MaintenanceRequest = z.infer<typeof maintenanceRequestSchema>;

/** `instances: "keep"` ends the daemon alone: proxy and instances go on serving. */
export const shutdownRequestSchema = z.strictObject({
  by: z.string().min(1).max(200),
  instances: z.enum(["keep", "stop"]),
});
export type ShutdownRequest = z.infer<typeof shutdownRequestSchema>;

export const upgradeProxySchema = z.strictObject({
  by: z.string().min(1).max(200),
  /** How long the old generation may finish its connections; null is the default. */
  drainMs: z.number().int().min(0).nullable(),
});
export type UpgradeProxyRequest = z.infer<typeof upgradeProxySchema>;

/** The deployment that was begun (or, for abort, the one that was told). */
export interface Accepted {
  readonly deployment: string;
}

export interface DeployAccepted extends Accepted {
  /** The release that waits for its turn, behind `deployment` if that is not "". */
  readonly queued: string | null;
}

export interface DaemonInfo {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly stateDirectory: string;
  /** Null while the proxy does not answer. */
  readonly proxyPid: number | null;
  readonly proxyVersion: string | null;
}

export interface AppStatus {
  readonly app: string;
  readonly active: string | null;
  readonly suspended: boolean;
  /** Why the daemon does not act for the app any more; null as long as all is well. */
  readonly fault: Failure | null;
  /** Where clients connect, e.g. `http://127.0.0.1:8080`; null before the first table is in the proxy. */
  readonly url: string | null;
  /** Null without HTTPS, or while the proxy does not answer. */
  readonly tls: TlsTraffic | null;
  readonly pause: PauseStatus | null;
  readonly maintenance: MaintenanceStatus | null;
  /** The release that was active before and is kept running, so that `rollback` is at once. */
  readonly standby: { readonly release: string; readonly until: number; readonly instances: number } | null;
  /** How to reach what is not active yet; null when there is nothing to try out. */
  readonly preview: PreviewWay | null;
  readonly instances: readonly InstanceStatusLine[];
  /** The running deployment, or the last one. */
  readonly deployment: DeploymentStatus | null;
  /** The deployment of new code that waits for its turn. */
  readonly queued: QueuedStatus | null;
  /** The release that went back last and can be tried again; null while a deployment runs. */
  readonly returned: string | null;
  readonly crashLoops: readonly { readonly type: string; readonly count: number; readonly how: string }[];
  /** What is wrong beside the app itself, such as route tables that the proxy cannot save. */
  readonly warnings: readonly string[];
  /** Where the active release loses sessions because another node gets the request. Absent: an older daemon does not say it. */
  readonly nodeBound?: readonly SessionRoute[] | undefined;
  /** The move of its sessions to another store that is under way. Absent: none. */
  readonly sessionMove?: SessionMoveStatus | undefined;
  /** Null when the proxy does not answer. */
  readonly traffic: TrafficStatus | null;
}

export interface QueuedStatus {
  readonly release: string;
  readonly by: string;
  readonly since: number;
  /** The deployment that it waits for; null when the app is free. */
  readonly behind: string | null;
  /** The freeze window that it waits for, and when none is open any more. */
  readonly frozen: { readonly window: string; readonly until: number | null } | null;
}

export interface PauseStatus extends Pick<PauseState, "by" | "since" | "until" | "then"> {
  /** When every worker of the proxy had acknowledged that nothing was in flight; null until then. */
  readonly quietAt: number | null;
}

export interface MaintenanceStatus extends Pick<MaintenanceState, "by" | "since" | "status" | "retryAfterS" | "allow"> {
  /** Names; the values are secrets. */
  readonly allowCookies: readonly string[];
}

export interface InstanceStatusLine extends Pick<Instance, "name" | "type" | "release" | "status" | "pid" | "port" | "since"> {
  /** Null for process types without traffic or when the proxy does not answer. */
  readonly inFlight: number | null;
  readonly requests: number | null;
  readonly health: "up" | "down" | "draining" | null;
  readonly lastFailure: string | null;
}

/** Cumulative since the proxy started. */
export interface TrafficStatus {
  readonly inFlight: number;
  readonly held: number;
  readonly total: number;
  readonly lost: number;
  readonly byRelease: readonly { readonly release: string; readonly counts: LedgerCounts }[];
}

export interface DeploymentStatus {
  readonly name: string;
  readonly kind: string;
  readonly by: string;
  /** Null before that is known, and where nothing is replaced. */
  readonly strategy: string | null;
  readonly phase: Phase;
  /** What it waits for, and how to go on; null when it waits for nothing. */
  readonly awaits: AwaitsStatus | null;
  /** Percent of the requests that the new side gets; null: by the number of instances. */
  readonly share: number | null;
  /** 1-based batch of `batches`, 0 before the first. */
  readonly batch: number;
  readonly batches: number;
  readonly phaseSince: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly outcome: Outcome | null;
  /** Why it goes or went back. */
  readonly failure: Failure | null;
  /** Why it could begin while deployments were frozen; null where nobody said so. */
  readonly override: string | null;
  /** Its hooks, checks and gates, in the order in which they began. */
  readonly verdicts: readonly VerdictStatus[];
}

export interface VerdictStatus {
  /** As people call it. */
  readonly name: string;
  readonly kind: Task["kind"];
  /** 1-based batch in which it began; null where that is not known. */
  readonly batch: number | null;
  /** Null: it runs. */
  readonly verdict: Verdict | null;
  /** It went on although this is no pass: an operator or the configuration said so. */
  readonly overruled: boolean;
  /** It was asked for again: another verdict of the same name counts. */
  readonly retried: boolean;
  /** One sentence with the numbers in it. */
  readonly summary: string | null;
  /** By name; shares are fractions, times milliseconds. */
  readonly figures: Readonly<Record<string, number>>;
  readonly details: readonly string[];
  readonly startedAt: number;
  readonly endedAt: number | null;
}

export interface AwaitsStatus {
  /** A word or a time; or, after `rollout pause`, a word. */
  readonly what: "promotion" | "resumption";
  readonly since: number;
  /** It goes on by itself then; null: never. */
  readonly until: number | null;
}

export interface DeploymentProgress {
  readonly deployment: DeploymentStatus;
  readonly notes: readonly {
    readonly seq: number;
    readonly at: number;
    readonly level: "info" | "good" | "bad";
    readonly text: string;
  }[];
  /** Pass as `after` the next time. */
  readonly seq: number;
}

export interface ReleaseStatus {
  readonly release: string;
  readonly createdAt: number;
  readonly active: boolean;
  readonly contentHash: string;
  readonly gitCommit: string | null;
  readonly gitDirty: boolean;
  readonly files: number;
  readonly bytes: number;
  /** Instances of it that run now. */
  readonly instances: number;
}

export interface LogChunk {
  readonly text: string;
  /** Pass as `offset` to go on from here. */
  readonly offset: number;
}

/** The proof: what happened to every request between the first and the last change of a deployment. */
export interface Report {
  readonly app: string;
  readonly deployment: DeploymentStatus;
  /** Milliseconds of the deployment. */
  readonly durationMs: number;
  readonly rows: readonly { readonly release: string; readonly counts: LedgerCounts; readonly total: number }[];
  readonly totals: LedgerCounts;
  readonly total: number;
  readonly lost: number;
  /** Says why the counts cannot be complete (the proxy was restarted, did not answer …); null when they are. */
  readonly caveat: string | null;
  /** Milliseconds; null where there was no request. */
  readonly latency: Readonly<Record<"before" | "during" | "after", LatencyStatus>>;
  /** Share (0..1) of application answers that were 5xx; null without answers. */
  readonly errorShare: { readonly from: number | null; readonly to: number | null };
  readonly slowest: readonly SlowRequest[];
  /** Pauses and maintenances in its time, cut to it. */
  readonly periods: readonly GatePeriod[];
  /** Instances in the route table at the start, and at the lowest moment. */
  readonly capacity: { readonly atStart: number; readonly lowest: number };
}

export interface LatencyStatus {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly requests: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
}

export type { Batch, ProxyStatus, UpgradeOutcome };
