import type { Limits } from "./limits.ts";
import { refusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";

/** A stream of gRPC messages is as slow as what it tells of. */
const MESSAGES = /\r\ncontent-type:[\t ]*application\/grpc/i;

export const TOO_LONG = refusal(413, "the request's body is too long");

/** Watches the body of one request: that it is not too long, and does not come too slowly. */
export class BodyWatch {
  readonly #max: number;
  readonly #limits: Limits;
  #bytes = 0;
  readonly #declared: number;
  readonly #head: RequestHead;
  /** So long it was the client that was waited for. */
  #awaitedMs = 0;
  /** When that was looked at last (milliseconds since the epoch). */
  #lookedAt = 0;

  /** `max` in bytes. */
  constructor(head: RequestHead, max: number, limits: Limits) {
    this.#head = head;
    this.#declared = head.body === "chunked" ? 0 : head.body;
    this.#max = max;
    this.#limits = limits;
  }

  /** By what it says of itself, or by what has come. */
  get isTooLong(): boolean {
    return this.#declared > this.#max || this.#bytes > this.#max;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /**
   * Asked now and then; `awaited`: everything that has come is passed on, so that it is the client's turn. Time in which the application
   * does not read is not the client's. True when the body is slower than it may be, on average.
   */
  isTooSlow(now: number, awaited: boolean): boolean {
    if (awaited && this.#lookedAt > 0) this.#awaitedMs += now - this.#lookedAt;
    this.#lookedAt = now;
    const { bodyRateMin, bodyRateAfterMs } = this.#limits;
    const slow = this.#awaitedMs > bodyRateAfterMs && this.#bytes < (bodyRateMin * this.#awaitedMs) / 1000;
    return slow && !MESSAGES.test(this.#head.forward);
  }
}
