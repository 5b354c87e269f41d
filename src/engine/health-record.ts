/** An instance that was passed over so often within the window flaps, and is as good as down all the time. */
const FLAPS_MAX = 5;
const FLAP_WINDOW_MS = 600_000;
/** It is believed to be well again after so long without a failure. */
const WELL_AFTER_MS = 30_000;

export type HealthChange = "sick" | "well" | null;

/** What the health checks of one instance said over time (milliseconds of a clock that nobody sets), and what follows from it. */
export class HealthRecord {
  #since: number;
  #isDown = false;
  /** When it went down, as far as that is within the window. */
  #falls: number[] = [];

  constructor(now: number) {
    this.#since = now;
  }

  /** `sickAfterMs`: down for so long is sick. */
  look(now: number, isDown: boolean, { isSick, sickAfterMs }: { isSick: boolean; sickAfterMs: number }): HealthChange {
    if (isDown !== this.#isDown) {
      this.#isDown = isDown;
      this.#since = now;
      if (isDown) this.#falls.push(now);
    }
    this.#falls = this.#falls.filter((at) => now - at < FLAP_WINDOW_MS);
    const ms = now - this.#since;
    if (isSick) return !isDown && ms >= WELL_AFTER_MS && this.#falls.length < FLAPS_MAX ? "well" : null;
    return (isDown && ms >= sickAfterMs) || this.#falls.length >= FLAPS_MAX ? "sick" : null;
  }
}
