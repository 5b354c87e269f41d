import type { AccessLogSpec } from "./access-log.ts";
import type { AssetsSpec } from "./assets.ts";
import type { EventStreamSpec } from "./event-streams.ts";
import type { DatabaseSpec } from "./database-spec.ts";
import type { FreezeWindow } from "./freeze.ts";
import type { ForwardingSpec, ProxyProtocolSpec, ProxyProtocolVersion } from "./forwarding.ts";
import type { MaintenanceGate } from "./gate.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { NotificationSpec } from "./notification.ts";
import type { ErrorPages } from "./pages.ts";
import type { FieldMatch, RoutingSpec } from "./routing.ts";
import type { HookName, Task, WatchTask } from "./task.ts";
import type { SessionsSpec } from "./sessions-spec.ts";
import type { TlsSpec } from "./tls.ts";
import type { WebSocketSpec } from "./websockets.ts";

/** What the engine knows of an app: the configuration after defaults, units and references are resolved. All times are milliseconds. */
export interface AppSpec {
  readonly app: string;
  /** Where the proxy listens for this app. */
  readonly listen: ListenAddress;
  /** Null: plain HTTP only. */
  readonly tls: TlsSpec | null;
  readonly processes: Readonly<Record<string, ProcessSpec>>;
  readonly rollout: RolloutSpec;
  readonly proxy: ProxySpec;
  /** Absent in what was written before there was such a thing: `DEFAULT_ROUTING`. */
  readonly routing?: RoutingSpec | undefined;
  /** Hooks, checks and gates of its deployments. Absent: none. */
  readonly tasks?: TasksSpec | undefined;
  /** Who is told of its deployments. Absent: nobody. */
  readonly notifications?: readonly NotificationSpec[] | undefined;
  /** Absent: plain text. */
  readonly errorPages?: ErrorPages | undefined;
  /** Absent: files of replaced releases are gone with them. */
  readonly assets?: AssetsSpec | undefined;
  /** What `hitless maintenance on` does where it is not told otherwise. Absent: `DEFAULT_MAINTENANCE`. */
  readonly maintenance?: MaintenanceGate | undefined;
  /** Absent: Hitless has nothing to do with its database. */
  readonly database?: DatabaseSpec | undefined;
  /** Absent: where it keeps its sessions is its own affair. */
  readonly sessions?: SessionsSpec | undefined;
  /** When nothing new is deployed. Absent: never. */
  readonly freeze?: readonly FreezeWindow[] | undefined;
  /** How many releases are kept for going back (the active one included). */
  readonly releasesKept: number;
}

/** One line of a Procfile, made precise. */
export interface ProcessSpec {
  /** A shell line (run by `/bin/sh -c`, replaced by `exec` where possible) or an argument list that is run as it is. */
  readonly command: string | readonly string[];
  readonly instances: number;
  /** True for processes that serve HTTP on `PORT` and get requests from the proxy. */
  readonly traffic: boolean;
  readonly protocol?: Protocol | undefined;
  /** Connections to it begin with a header of the PROXY protocol; HTTP/1.1 only. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
  /** Null for process types without traffic: ready means "still running after `readyAfterMs`". */
  readonly health: HealthSpec | null;
  readonly readyAfterMs: number;
  /** An instance that serves is replaced when it has been passed over for so long; null: never. Absent: `DEFAULT_REPLACE_AFTER_MS`. */
  readonly replaceAfterMs?: number | null | undefined;
  /** From spawn to ready; past it the start has failed. */
  readonly startDeadlineMs: number;
  /** How long requests in flight may go on once the instance gets no new ones. */
  readonly drainTimeoutMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** From the stop signal to SIGKILL. */
  readonly stopGraceMs: number;
  /** Old instances are stopped before new ones are started, for what must not run twice. Absent: started first. */
  readonly stopFirst?: boolean | undefined;
}

export const DEFAULT_REPLACE_AFTER_MS = 30_000;

/** What an instance speaks on its port; HTTP/1.1 where nothing is said. */
export const PROTOCOLS = ["http1", "h2c"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface HealthSpec {
  readonly path: string;
  /** The variable in which each instance gets a port for its checks alone. Absent: it is checked where it serves. */
  readonly portVariable?: string | undefined;
  /** That port speaks TLS; its certificate is not verified. */
  readonly tls?: boolean | undefined;
  readonly protocol?: Protocol | undefined;
  /** Connections to it begin with a header of the PROXY protocol; HTTP/1.1 only. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
  /** Sent as the Host header, when set. */
  readonly host: string | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive passes until an instance counts as ready. */
  readonly passes: number;
  /** Consecutive failures until a serving instance counts as down. */
  readonly failures: number;
}

export interface RolloutSpec {
  readonly strategy: Strategy;
  readonly batch: Batch;
  /** What a newer deployment does while one runs. Absent: it is refused. */
  readonly whenBusy?: BusyPolicy | undefined;
  /** Rolling: how many more than there should be, at most. Absent: as many as a batch. */
  readonly surge?: Batch | undefined;
  /** Rolling: how many fewer, at most. Absent: none. */
  readonly maxUnavailable?: Batch | undefined;
  /** Rolling: from one batch to the next. Absent: no time. */
  readonly pauseMs?: number | undefined;
  /** Rolling: after the first batch; null: until an operator says so. Absent: as `pauseMs`. */
  readonly firstPauseMs?: number | null | undefined;
  /** Blue-green: from the moment that the new side is whole and can be previewed. Null: an operator says when. Absent: at once. */
  readonly promoteAfterMs?: number | null | undefined;
  /** How long the old side is kept running after the promotion, for going back at once; not for `rolling`. Absent: not at all. */
  readonly standbyMs?: number | undefined;
  /** How long it has all of the requests before it is promoted. Absent: `DEFAULT_BAKE_MS` with the default gate, except by `rolling`. */
  readonly bakeMs?: number | undefined;
  /** False: a failed verdict pauses the deployment until an operator decides. Absent: it goes back. */
  readonly autoRollback?: boolean | undefined;
  /** Canary: what part of the requests the new side gets, one step after the other, before it gets all of them. */
  readonly steps?: readonly CanaryStep[] | undefined;
  /** Canary: who gets the new side whatever the weight is. */
  readonly targeting?: TargetingSpec | undefined;
}

export interface TasksSpec {
  readonly hooks?: { readonly [K in HookName]?: Extract<Task, { kind: "hook" }> | undefined } | undefined;
  /** What a release that can be previewed must pass before it gets requests; not by `rolling`, which has no preview. */
  readonly checks?: readonly Task[] | undefined;
  /** What must pass while it gets requests, before it gets more, and before it is promoted. */
  readonly gates?: readonly Task[] | undefined;
  /** The default gate. Absent: none. */
  readonly watch?: WatchTask | undefined;
  /** A verdict of too little data pauses the deployment (the default), is taken as passed, or is waited for, and pauses it then. */
  readonly onNotEnoughData?: "pause" | "pass" | "wait" | undefined;
  /** How much longer than it was to take a task may wait for data, with `wait`. */
  readonly patienceMs?: number | undefined;
}

export interface CanaryStep {
  /** Percent of the requests, 0 to 99. */
  readonly weight: number;
  /** How long it stays so; null: until an operator says so. */
  readonly waitMs: number | null;
}

/** A request of which any of these holds. */
export interface TargetingSpec {
  readonly headers: readonly FieldMatch[];
  readonly cookies: readonly FieldMatch[];
  /** Addresses and ranges of clients. */
  readonly addresses: readonly string[];
}

export const STRATEGIES = ["rolling", "blue-green", "canary"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What a newer deployment does while one runs: it is refused, it waits for its turn, or the running one goes back for it. */
export const BUSY_POLICIES = ["refuse", "queue", "supersede"] as const;
export type BusyPolicy = (typeof BUSY_POLICIES)[number];

export type Batch = { readonly kind: "count"; readonly count: number } | { readonly kind: "percent"; readonly percent: number };

/** The process type that gets requests, or else the first: tasks and steps of a release have its environment. */
export function mainType({ processes }: Pick<AppSpec, "processes">): string {
  const types = Object.entries(processes);
  return (types.find(([, { traffic }]) => traffic) ?? types[0])?.[0] ?? "";
}

/** Limits of the data plane that an app may set; the rest are constants of the proxy. */
export interface ProxySpec {
  /** How long a request may wait for a usable target before 503. 0 turns holding off. */
  readonly holdMs: number;
  /** How many may wait in one worker, and how many bytes of them. Absent: the proxy's own limits. */
  readonly holdRequests?: number | undefined;
  readonly holdBytes?: number | undefined;
  /** From the last byte of the request to the first byte of the response. 0 turns it off. */
  readonly firstByteTimeoutMs: number;
  /** HTTP/2 without TLS, for clients that begin with it. Absent: no. */
  readonly http2Cleartext?: boolean | undefined;
  /** A longer request body is refused. Absent: of any length. */
  readonly maxBodyBytes?: number | undefined;
  /** Connections that one client may have, over all workers. Absent: any number. */
  readonly connectionsPerClient?: number | undefined;
  /** Cookies that hold sessions; empty: they are not looked at. Absent: those with names that frameworks give them. */
  readonly sessionCookies?: readonly string[] | undefined;
  /** Where the proxy serves its metrics. Absent: nowhere. */
  readonly metrics?: ListenAddress | undefined;
  /** Absent: none. */
  readonly accessLog?: AccessLogSpec | undefined;
  /** Absent: `DEFAULT_FORWARDING`. */
  readonly forwarding?: ForwardingSpec | undefined;
  /** Absent: not spoken. */
  readonly proxyProtocol?: ProxyProtocolSpec | undefined;
  /** Absent: `DEFAULT_EVENT_STREAMS`. */
  readonly eventStreams?: EventStreamSpec | undefined;
  /** Absent: `DEFAULT_WEBSOCKETS`. */
  readonly websockets?: WebSocketSpec | undefined;
}
