const BYTES = 65_536;
/** Most reads of a proxy are small and used up at once: one buffer serves every socket of the worker, and an idle connection holds none. */
const SHARED = Buffer.allocUnsafeSlow(BYTES);

/**
 * Where a socket reads into (`onread` of node:net). What stands in the shared buffer is only *lent*: the next read of any socket overwrites
 * it, so whoever keeps a part copies it. While a body flows the socket has a buffer of its own, which is replaced as soon as something
 * still refers to it.
 */
export class ReadBuffer {
  #current: Buffer | null = null;

  get isLent(): boolean {
    return this.#current === SHARED;
  }

  /**
   * For `onread.buffer`, which Node asks before the first and after every read; null keeps the present one. `kept`: something still refers
   * to what was read last.
   */
  next(streaming: boolean, kept: boolean): Buffer | null {
    const wanted = this.#wanted(streaming, kept);
    if (wanted === this.#current) return null;
    this.#current = wanted;
    return wanted;
  }

  #wanted(streaming: boolean, kept: boolean): Buffer {
    if (!streaming) return SHARED;
    if (this.#current === null || this.#current === SHARED || kept) return Buffer.allocUnsafeSlow(BYTES);
    return this.#current;
  }
}
