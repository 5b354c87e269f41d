import type { BodyWatch } from "./body-watch.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { Limits } from "./limits.ts";
import { refusal, type Refusal } from "./refusal.ts";
import type { Upstream } from "./upstream.ts";

/** A request that is sent on, or its answer; times in milliseconds since the epoch. */
export interface Relay {
  readonly now: number;
  /** When something moved last. */
  readonly movedAt: number;
  readonly client: ExchangeClient;
  readonly upstream: Upstream | null;
  /** Null without a body. */
  readonly body: BodyWatch | null;
  readonly requestComplete: boolean;
  /** The answer is a stream of events, which may be quiet for long. */
  readonly hasEvents: boolean;
}

export interface RelayLimits extends Limits {
  /** 0: any time. */
  readonly firstByteTimeoutMs: number;
}

const TOO_LATE = refusal(408, "the request's body did not arrive in time");

/** Whose time is over: the client's that does not read, or (with what the client is told) its request's or the application's. */
export function overdue(relay: Relay, limits: RelayLimits): "client" | Refusal | null {
  const { now, client, upstream, body, requestComplete } = relay;
  const idle = now - relay.movedAt;
  const sentOn = upstream?.isFlushed() !== false;
  const tooSlow = !requestComplete && body?.isTooSlow(now, sentOn) === true;
  if (!client.isFlushed()) return idle > limits.writeStallMs ? "client" : null;
  if (upstream?.began === true)
    return idle > betweenBytesMs(relay, limits) ? refusal(504, "the application stopped in the middle of its answer") : null;
  if (requestComplete) return isLate(idle, limits) ? refusal(504, "the application did not answer in time") : null;
  if (!sentOn) return idle > limits.writeStallMs ? refusal(504, "the application stopped reading the request") : null;
  return tooSlow || idle > limits.bodyIdleMs ? TOO_LATE : null;
}

function betweenBytesMs({ hasEvents }: Relay, limits: RelayLimits): number {
  return hasEvents ? limits.tunnelIdleMs : limits.betweenBytesMs;
}

function isLate(idle: number, { firstByteTimeoutMs }: RelayLimits): boolean {
  return firstByteTimeoutMs > 0 && idle > firstByteTimeoutMs;
}
