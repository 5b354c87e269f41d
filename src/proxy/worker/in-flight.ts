import type { Registered } from "./registry.ts";

/** A request as its target knows it. */
export interface InFlight extends Registered {
  /** Ends it at a drain limit; false for a tunnel, which is not counted. */
  cut(): boolean;
}

/** A request that waits for a usable target, as its app knows it. */
export interface Held {
  /** A target may be there now: true if it was taken, and the request waits no longer. */
  resume(): boolean;
  checkHold(now: number): void;
  giveUpHold(): void;
}
