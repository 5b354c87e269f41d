/** Time. The engine has no other source of it; the simulation gives its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves at or after the given time; rejects with the signal's reason when it is aborted. */
  sleepUntil(at: number, signal: AbortSignal): Promise<void>;
}
