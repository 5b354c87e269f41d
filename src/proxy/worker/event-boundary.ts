const LF = 10;
const CR = 13;
/** The longest end of an event: CR LF CR LF. */
const END_BYTES_MAX = 4;

/**
 * Follows a stream of events (WHATWG HTML, section 9.2.5) without looking into it: an event ends with an empty line. Lines end with LF, CR or
 * CR LF.
 */
export class EventBoundary {
  /** All that was taken so far is whole events. */
  reached = true;
  #lineIsEmpty = true;
  #afterCr = false;

  /** More of it has come. */
  take(data: Buffer): void {
    // Where a line ended is all that counts, so that the last bytes say as much as all.
    if (data.length > END_BYTES_MAX) {
      this.reached = false;
      this.#lineIsEmpty = false;
      this.#afterCr = false;
    }
    for (const byte of data.subarray(-END_BYTES_MAX)) this.#step(byte);
  }

  /** How many bytes there are up to the first boundary, which is where the stream ends now; all of them, where there is none. */
  takeToFirst(data: Buffer): number {
    for (let at = 0; at < data.length; at += 1) {
      this.#step(data[at] ?? 0);
      if (!this.reached) continue;
      return this.#afterCr && data[at + 1] === LF ? at + 2 : at + 1;
    }
    return data.length;
  }

  #step(byte: number): void {
    const completesCrLf = this.#afterCr && byte === LF;
    this.#afterCr = byte === CR;
    if (completesCrLf) return;
    const endsLine = byte === LF || byte === CR;
    this.reached = endsLine && this.#lineIsEmpty;
    this.#lineIsEmpty = endsLine;
  }
}
