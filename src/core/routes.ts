import type { SessionRoute } from "./statelessness/session-routes.ts";
import type { InstanceName, ReleaseName } from "../base/names.ts";
import type { HealthSpec, Protocol, ProxySpec, TargetingSpec } from "./app-spec.ts";
import type { ProxyProtocolVersion } from "./forwarding.ts";
import type { AssetSource } from "./assets.ts";
import type { Gate } from "./gate.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { ErrorPages } from "./pages.ts";
import type { RoutingSpec } from "./routing.ts";
import type { TlsSpec, TlsTraffic } from "./tls.ts";

/**
 * The immutable route table of one app. The proxy holds one per app and replaces it whole, in one assignment.
 * A table is refused when `(epoch, revision)` is not above what the proxy holds, except the identical one, which is acknowledged again.
 */
export interface RouteTable {
  readonly app: string;
  /** The lease epoch of the writer (design: fencing). */
  readonly epoch: number;
  /** Counts up by one with every table of the app, across epochs. */
  readonly revision: number;
  readonly listen: ListenAddress;
  readonly tls: TlsSpec | null;
  readonly proxy: ProxySpec;
  /** Absent: `DEFAULT_ROUTING`. */
  readonly routing?: RoutingSpec | undefined;
  readonly errorPages?: ErrorPages | undefined;
  /** Whose files answer where the application says 404; the first that has one. Absent: nobody's. */
  readonly assets?: readonly AssetSource[] | undefined;
  /** These requests go to that release while something of it is up, whatever its weight. Absent: none do. */
  readonly targeting?: Targeting | undefined;
  /** Absent: requests go through. */
  readonly gate?: Gate | undefined;
  /** Requests are shared out over pools by weight, within a pool evenly. A pool of weight 0 gets nothing. */
  readonly pools: readonly Pool[];
}

export interface Targeting extends TargetingSpec {
  readonly release: ReleaseName;
}

export interface Pool {
  readonly release: ReleaseName;
  readonly weight: number;
  /** Previews reach it while its weight is 0. */
  readonly preview?: boolean | undefined;
  readonly targets: readonly Target[];
}

/** An instance as the proxy sees it. */
export interface Target {
  readonly instance: InstanceName;
  readonly host: string;
  readonly port: number;
  /** Absent: it is checked on `port`. */
  readonly healthPort?: number | undefined;
  readonly protocol?: Protocol | undefined;
  /** Connections to it begin with a header of the PROXY protocol; HTTP/1.1 only. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
  readonly health: HealthSpec | null;
}

export type ProbeFailureKind = "refused" | "reset" | "timeout" | "status" | "garbage" | "unreachable";

/** What one health check saw. */
export type ProbeOutcome =
  | { readonly kind: "pass"; readonly status: number; readonly ms: number }
  | {
      readonly kind: "fail";
      readonly reason: ProbeFailureKind;
      /** A sentence such as "status 500, body: database is down" or "connection refused on 127.0.0.1:4001". */
      readonly saw: string;
    };

/** How long a drain waits at most, in milliseconds. */
export interface DrainLimits {
  /** Requests that still run after this are cut. */
  readonly requestsMs: number;
  /** Tunnels that are still open after this are closed. */
  readonly tunnelsMs: number;
}

/** The end of a drain: nothing of the instances is in flight in any worker. */
export interface DrainOutcome {
  /** Requests that were still running at the limit and were cut. */
  readonly cut: number;
  /** How long it took. */
  readonly ms: number;
}

/** What the proxy knows of one target at the moment. */
export interface TargetTraffic {
  readonly instance: InstanceName;
  /** `down`: failed its health checks and is passed over. */
  readonly state: "up" | "down";
  readonly inFlight: number;
  /** Requests it was given since it was added. */
  readonly requests: number;
  /** What the last failed health check saw. */
  readonly lastFailure: string | null;
  /** Absent: an older proxy does not say it. */
  readonly reached?: TargetReach | undefined;
}

/** As what a target is in the table, and how it is reached. */
export interface TargetReach extends Pick<Target, "host" | "port" | "protocol" | "proxyProtocol"> {
  readonly release: ReleaseName;
}

/** What the proxy knows of one app at the moment. */
export interface AppTraffic {
  /** As bound: with the real port where 0 was asked for. */
  readonly listen: ListenAddress;
  /** Null without HTTPS. */
  readonly tls: TlsTraffic | null;
  readonly targets: readonly TargetTraffic[];
  /** Requests waiting in the proxy for a usable target. */
  readonly held: number;
  /** What became of sessions since the proxy started. Absent: an older proxy does not say it. */
  readonly sessions?: readonly SessionRoute[] | undefined;
  /** What is wrong with the proxy itself, such as route tables that cannot be saved. */
  readonly warnings: readonly string[];
}
