import { createHash } from "node:crypto";

/** So much of a body is compared. */
export const COMPARED_MAX = 1_048_576;

/** A fingerprint of a body's beginning. */
export class BodyPrint {
  readonly #hash = createHash("sha256");
  #left = COMPARED_MAX;

  /** Text is latin1. */
  add(data: Buffer | string): void {
    if (this.#left === 0) return;
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.#hash.update(part);
  }

  /** To be asked once, when the body is whole. */
  get value(): string {
    return this.#hash.digest("hex");
  }
}
