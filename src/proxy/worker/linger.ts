import type { Limits } from "./limits.ts";

/** A connection that has been ended on our side and is read on for a while, so that the client gets its answer (RFC 9112 section 9.6). */
export class Linger {
  readonly #since: number;
  readonly #limits: Limits;
  #bytes = 0;

  /** `since`: milliseconds since the epoch. */
  constructor(since: number, limits: Limits) {
    this.#since = since;
    this.#limits = limits;
  }

  /** So much more has come. */
  isTooMuch(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes > this.#limits.lingerBytesMax;
  }

  isOver(now: number, idleMs: number): boolean {
    return idleMs > this.#limits.lingerIdleMs || now - this.#since > this.#limits.lingerMaxMs;
  }
}
