import type { Rng } from "../../base/rng.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CutOff } from "../../ports/database.ts";

/** How a step waits for a lock that others hold: many short tries, so that nobody queues behind it for long. */
export interface Patience {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** What one try may make others wait, in milliseconds: who comes after it queues behind it. */
  readonly lockTimeoutMs: number;
  /** After this it gives up, in milliseconds. */
  readonly limitMs: number;
  /**
   * What ends a statement at work, as it is when the statement begins; none: it comes to its end. Whoever has this leaves the statement to the server
   * when `signal` is aborted for another reason.
   */
  readonly cutOff?: (() => CutOff) | undefined;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** The pause before the next try: doubling, and never the same for two runners. */
export function pauseMs(attempt: number, rng: Rng): number {
  const base = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(base * (0.5 + rng.next()));
}

export async function pause({ clock, rng, signal }: Patience, attempt: number): Promise<void> {
  await clock.sleepUntil(clock.now() + pauseMs(attempt, rng), signal);
}
