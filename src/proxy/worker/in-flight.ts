import type { CloseCode } from "../../core/websockets.ts";
import type { Registered } from "./registry.ts";

/** A request as its target knows it. */
export interface InFlight extends Registered {
  /** Ends it at a drain limit. */
  cut(): void;
  /** What has become of it after a 101. */
  readonly tunnel: OpenTunnel | null;
  /** Its answer is a stream of events. */
  readonly events: OpenStream | null;
}

/** A request that waits for a usable target, as its app knows it. */
export interface Held {
  /** The same for all that go the same way. */
  readonly route: object;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** What has been read of it. */
  readonly waitingBytes: number;
  /** A target may be there now; false if it has to go on waiting. */
  resume(): boolean;
  /** It may not wait any more, because there is a page for it. */
  turnAway(): void;
  checkHold(now: number): void;
  giveUpHold(): void;
}

export interface OpenStream {
  /** It is ended between two events at that time (milliseconds since the epoch), or sooner; 0 takes that back. */
  closeAt(at: number): void;
}

export interface OpenTunnel {
  /** If it is a WebSocket, it is closed in order at that time (milliseconds since the epoch), or sooner; 0 takes that back. */
  closeAt(at: number, code: CloseCode): void;
}
