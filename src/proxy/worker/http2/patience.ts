/** What a client may do in vain at once, and how much of that is forgiven in a second; the numbers are nghttp2's for RST_STREAM. */
const BURST = 1_000;
const PER_SECOND = 33;

/** Bounds what a client can have us do for nothing: streams taken back at once (CVE-2023-44487), mistakes that reset them, empty frames. */
export class Patience {
  #left = BURST;
  #filledAt = 0;

  /** False when it is at its end. */
  take(now: number): boolean {
    if (this.#filledAt > 0) this.#left = Math.min(BURST, this.#left + ((now - this.#filledAt) / 1000) * PER_SECOND);
    this.#filledAt = now;
    this.#left -= 1;
    return this.#left >= 0;
  }
}
