/** After so many failures in a row that were not the client's fault a target is passed over. */
const FAILURES_MAX = 5;
const EJECTED_MIN_MS = 1_000;
const EJECTED_MAX_MS = 30_000;

/** Whether a target is passed over because of what requests met there (passive health check); each time in a row for twice as long. */
export class Ejection {
  /** It refused the last connection. */
  refused = false;
  #failures = 0;
  #times = 0;
  #until = 0;

  get isActive(): boolean {
    return this.#until > 0;
  }

  /** A connection could not be made. True if it is to be ejected now. */
  dialFailed(): boolean {
    this.refused = true;
    return !this.isActive;
  }

  /** True if it was ejected because of dials, and need not be any longer. */
  dialled(): boolean {
    const was = this.refused;
    this.refused = false;
    return was && this.isActive;
  }

  /** No answer, half an answer, or none in time. True if it is to be ejected now. */
  failed(): boolean {
    this.#failures += 1;
    return this.#failures >= FAILURES_MAX && !this.isActive;
  }

  /** An answer came, whole. */
  succeeded(): void {
    this.#failures = 0;
    if (!this.isActive) this.#times = 0;
  }

  begin(now: number): void {
    this.#until = now + Math.min(EJECTED_MAX_MS, EJECTED_MIN_MS * 2 ** this.#times);
    this.#times += 1;
    this.#failures = 0;
  }

  /** True if that ended just now. */
  endWhenOver(now: number): boolean {
    return this.isActive && now >= this.#until && this.end();
  }

  end(): boolean {
    const was = this.isActive;
    this.#until = 0;
    return was;
  }
}
