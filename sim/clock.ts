import type { Clock } from "../src/ports/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly order: number;
  wake(): void;
}

/**
 * Virtual time: it stands still while anything can run, then jumps to the next sleeper. The engine sees the wall clock, which can be set; how
 * long something takes is not changed by that.
 */
export class SimClock implements Clock {
  #now = 1_700_000_000_000;
  #setBy = 0;
  #order = 0;
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.#now + this.#setBy;
  }

  /** Time that nobody can set. */
  monotonic(): number {
    return this.#now;
  }

  /** Somebody sets the wall clock, forward or back. */
  set(byMs: number): void {
    this.#setBy += byMs;
  }

  sleepUntil(at: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const giveUp = (): void => {
        this.#drop(sleeper);
        reject(signal.reason as Error);
      };
      // Listeners that stay behind make a signal that lives long slow.
      const wake = (): void => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const sleeper: Sleeper = { at: at - this.#setBy, order: (this.#order += 1), wake };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** A delay of the world itself. */
  pass(ms: number): Promise<void> {
    return this.sleepUntil(this.now() + ms, NEVER);
  }

  /** Wakes the next sleeper; false when nobody sleeps. */
  step(): boolean {
    const next = this.#sleepers.reduce<Sleeper | null>(
      (best, sleeper) => (best === null || before(sleeper, best) ? sleeper : best),
      null,
    );
    if (next === null) return false;
    this.#drop(next);
    this.#now = Math.max(this.#now, next.at);
    next.wake();
    return true;
  }

  #drop(sleeper: Sleeper): void {
    const index = this.#sleepers.indexOf(sleeper);
    if (index >= 0) this.#sleepers.splice(index, 1);
  }
}

const NEVER = new AbortController().signal;

function before(a: Sleeper, b: Sleeper): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
