/** By which a client begins (RFC 9113 section 3.4). */
const TEXT = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The beginning of one connection, in however many pieces it comes. */
export class Preface {
  #read = "";

  get isWhole(): boolean {
    return this.#read.length === TEXT.length;
  }

  /** What comes after it, or null where it is another one. */
  take(data: Buffer): Buffer | null {
    const missing = TEXT.length - this.#read.length;
    this.#read += data.toString("latin1", 0, missing);
    return TEXT.startsWith(this.#read) ? data.subarray(missing) : null;
  }
}
