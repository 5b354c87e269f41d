import type { HistogramData } from "../base/histogram.ts";
import type { InstanceName, ReleaseName } from "../base/names.ts";
import type { MirrorFigures, MirrorRequest } from "../core/judging/mirror.ts";
import type { LedgerCounts, SlowRequest } from "../core/ledger.ts";
import type { RouteTable } from "../core/routes.ts";
import type { RecordedRequest } from "../core/statelessness/recording.ts";
import type { SessionRoute } from "../core/statelessness/session-routes.ts";
import type { TableChange } from "./table-change.ts";
import type { Certificate } from "./tls/certificate.ts";
import type { ChallengeAnswers } from "./tls/challenges.ts";
import type { SecureSettings } from "./tls/secure-acceptor.ts";

export interface ProxiedSettings {
  /** Whose headers are believed; empty: everybody's. */
  readonly trusted: readonly string[];
}

/**
 * What the holder and a worker say to each other over the process channel (`serialization: "advanced"`).
 * `id` matches an answer to its question. Messages in one direction arrive in order.
 */
export type HolderMessage =
  /** Comes with the listening handle; the worker accepts on it for the app from now on. `secure`: speaks TLS. */
  | {
      readonly kind: "listen";
      readonly id: number;
      /** The key of the listener, unique while it is open. */
      readonly listener: string;
      readonly app: string;
      /** Apps that share it and whose tables came before: without them their requests would be the first app's for a moment. */
      readonly others?: readonly string[];
      readonly secure: SecureSettings | null;
      /** Connections begin with a header of the PROXY protocol, as the app's next table says, too. */
      readonly proxied?: ProxiedSettings | undefined;
    }
  /** The app is not served there any more. Without any app it is no longer accepted on; the connections that are open go on. */
  | { readonly kind: "unlisten"; readonly id: number; readonly listener: string; readonly app: string }
  /**
   * `workers`: among how many the limits per instance are shared; absent: this one has them alone. `pieces`: the table is a change of the one
   * that was sent before (see `TableChange`); absent: it is whole.
   */
  | {
      readonly kind: "routes";
      readonly id: number;
      readonly table: RouteTable;
      readonly workers?: number;
      readonly pieces?: TableChange["pieces"];
    }
  | { readonly kind: "remove"; readonly id: number; readonly app: string }
  /** The certificates the app's secure listener has from now on. */
  | { readonly kind: "certificates"; readonly id: number; readonly app: string; readonly certificates: readonly Certificate[] }
  /** What certificate authorities are answered from now on. */
  | { readonly kind: "challenges"; readonly id: number; readonly answers: ChallengeAnswers }
  /** What session tickets are encrypted with from now on: 48 bytes. */
  | { readonly kind: "ticketKeys"; readonly id: number; readonly keys: Uint8Array }
  /** What the cookies that say a client's release are signed with. */
  | { readonly kind: "releaseKey"; readonly id: number; readonly key: Uint8Array }
  /** Health as the holder's checks see it; targets not named are up. */
  | { readonly kind: "health"; readonly app: string; readonly down: readonly InstanceName[] }
  /**
   * Close idle upstream connections to the instances now, answer `done` when nothing to them is in flight.
   * The holder sends `cut` after the limit: for requests after `requestsMs`, until when event streams are ended in order, and for tunnels
   * after `limitMs`, until when WebSockets are closed in order.
   * (What is optional here was not known to every generation.)
   */
  | {
      readonly kind: "drain";
      readonly id: number;
      readonly app: string;
      readonly instances: readonly InstanceName[];
      readonly limitMs?: number | undefined;
      readonly requestsMs?: number | undefined;
    }
  | {
      readonly kind: "cut";
      readonly app: string;
      readonly instances: readonly InstanceName[];
      readonly what?: "requests" | "everything" | undefined;
    }
  /** The access logs were rotated: open them anew. */
  | { readonly kind: "reopenLogs" }
  /** Answer `done` when nothing of the paused app is in flight but tunnels and event streams, `refused` when it is not paused. */
  | { readonly kind: "quiet"; readonly id: number; readonly app: string }
  /**
   * Send a share of the app's GET and HEAD requests to that release, too, for `forMs` or until `unmirror`, then answer `done` with what was
   * `mirrored`. One at a time for each app.
   */
  | ({ readonly kind: "mirror"; readonly id: number; readonly app: string } & MirrorRequest)
  | { readonly kind: "unmirror"; readonly app: string }
  /** Keep live requests of the app that change nothing, for `forMs` or until `unrecord`, then answer `done` with what was `recorded`. */
  | { readonly kind: "record"; readonly id: number; readonly app: string; readonly forMs: number }
  | { readonly kind: "unrecord"; readonly app: string }
  /** Hand over everything counted so far, then answer `done`. */
  | { readonly kind: "flush"; readonly id: number }
  /**
   * Stop accepting, finish clients (every response says `Connection: close`), exit 0; whatever is left after `drainMs` is closed. Requests
   * that wait for a target get their 503 at once, or wait on (`keep`: another generation goes on, and tables still come). Said again, the
   * sooner end counts.
   */
  | { readonly kind: "shutdown"; readonly drainMs: number; readonly holds: "end" | "keep" };

export type WorkerMessage =
  /** The worker's first message: it is ready for `listen` and `routes`. */
  | { readonly kind: "hello"; readonly pid: number }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly cut?: number;
      readonly mirrored?: MirrorFigures;
      readonly recorded?: readonly RecordedRequest[];
    }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  | { readonly kind: "counts"; readonly delta: WorkerDelta };

/**
 * What a worker counted since its last delta. Sent every 100 ms when there is something, and at once when `REQUESTS_UNREPORTED_MAX`
 * requests have begun since the last one: so that a killed worker leaves at most its last `inFlight` + REQUESTS_UNREPORTED_MAX
 * requests per app unaccounted.
 */
export interface WorkerDelta {
  readonly clientConnections: number;
  readonly handshakes: HandshakeCounts;
  /** Lines of access logs that could not be written as fast as they came. */
  readonly logLinesDropped: number;
  /** Connections over the limit. */
  readonly connectionsRefused: number;
  readonly apps: readonly WorkerAppDelta[];
}

/** TLS handshakes; those that took up an earlier session are among the completed. */
export interface HandshakeCounts {
  readonly completed: number;
  readonly resumed: number;
  readonly failed: number;
}

/** What clients got, for the metrics. */
export interface StatusCounts {
  /** For each release: no answer, 1xx, 2xx, 3xx, 4xx, 5xx. */
  readonly classes: readonly (readonly [release: ReleaseName, counts: readonly number[]])[];
  /** Of the requests in the column `refused`. */
  readonly refused: readonly (readonly [status: number, count: number])[];
}

export interface WorkerAppDelta {
  readonly app: string;
  /** Sent because of `REQUESTS_UNREPORTED_MAX`: counts, and what is in flight and held; the rest comes with the next one that is not brief. */
  readonly brief?: true | undefined;
  readonly inFlight: number;
  readonly held: number;
  readonly rows: readonly { readonly release: ReleaseName; readonly counts: LedgerCounts; readonly latency: HistogramData }[];
  readonly slowest: readonly SlowRequest[];
  readonly statuses: StatusCounts;
  /** What became of sessions, by route and node. */
  readonly sessions?: readonly SessionRoute[] | undefined;
  /** In flight now, and requests given since the last delta, for each target that has either. */
  readonly targets: readonly WorkerTargetDelta[];
}

export interface WorkerTargetDelta {
  readonly instance: InstanceName;
  readonly inFlight: number;
  readonly requests: number;
  /** How many of those in flight are never cut: tunnels and event streams. */
  readonly tunnels?: number | undefined;
}

/** A worker hands over its counts at once after this many requests have begun since the last time. */
export const REQUESTS_UNREPORTED_MAX = 256;
/** A worker hands over its counts at least this often (milliseconds) while there are any. */
export const REPORT_INTERVAL_MS = 100;
