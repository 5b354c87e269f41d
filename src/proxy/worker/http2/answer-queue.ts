/** What is still to be sent of one answer's body, in order. */
export class AnswerQueue {
  bytes = 0;
  #parts: (Buffer | string)[] = [];

  push(part: Buffer | string): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.bytes += part.length;
  }

  /** The next part, of at most so many bytes. */
  take(max: number): Buffer | string {
    const [first = ""] = this.#parts;
    const taken = first.length <= max ? first : typeof first === "string" ? first.slice(0, max) : first.subarray(0, max);
    if (taken.length === first.length) this.#parts.shift();
    else this.#parts[0] = typeof first === "string" ? first.slice(max) : first.subarray(max);
    this.bytes -= taken.length;
    return taken;
  }

  clear(): void {
    this.#parts = [];
    this.bytes = 0;
  }
}
