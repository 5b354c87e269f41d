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
  /** When that was, by the time that nobody can set. */
  setAt = -Infinity;
  #order = 0;
  /** The next one to wake is the last. */
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
    this.setAt = this.#now;
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
      const sleeper = this.#add(at - this.#setBy, wake);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** A delay of the world itself. */
  pass(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#add(this.#now + ms, wake);
    });
  }

  /** Wakes the next sleeper; false when nobody sleeps. */
  step(): boolean {
    const next = this.#sleepers.pop();
    if (next === undefined) return false;
    this.#now = Math.max(this.#now, next.at);
    next.wake();
    return true;
  }

  #add(at: number, wake: () => void): Sleeper {
    const sleeper: Sleeper = { at, order: (this.#order += 1), wake };
    this.#sleepers.splice(this.#placeOf(sleeper), 0, sleeper);
    return sleeper;
  }

  #drop(sleeper: Sleeper): void {
    const index = this.#sleepers.indexOf(sleeper);
    if (index >= 0) this.#sleepers.splice(index, 1);
  }

  /** Where it stands: after those that wake later, before those that wake sooner. */
  #placeOf(sleeper: Sleeper): number {
    let low = 0;
    let high = this.#sleepers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#sleepers[middle];
      if (other !== undefined && before(sleeper, other)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function before(a: Sleeper, b: Sleeper): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
