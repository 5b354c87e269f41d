import { WINDOW_MAX } from "./protocol.ts";

/** How much a client lets us send, on one stream or on its connection (RFC 9113 section 6.9). A change of its settings may make it negative. */
export class SendWindow {
  #left: number;

  constructor(left: number) {
    this.#left = left;
  }

  get left(): number {
    return Math.max(0, this.#left);
  }

  take(bytes: number): void {
    this.#left -= bytes;
  }

  /** False: more than a window can be (FLOW_CONTROL_ERROR). */
  open(bytes: number): boolean {
    this.#left += bytes;
    return this.#left <= WINDOW_MAX;
  }
}
