/** How much a client may send, on one stream or on its connection (RFC 9113 section 6.9). */
export class ReceiveWindow {
  readonly #size: number;
  #left: number;
  /** Used up, and not given back yet. */
  #due = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** False: more than was allowed (FLOW_CONTROL_ERROR). */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** So much has been used: gives by how much the window is to be opened now. In lumps, as each is a frame. */
  use(bytes: number): number {
    this.#due += bytes;
    if (this.#due * 2 < this.#size) return 0;
    const opened = this.#due;
    this.#left += opened;
    this.#due = 0;
    return opened;
  }
}
