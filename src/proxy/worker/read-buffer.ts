/** A little less than the 64 KiB that TCP takes for a segment with its headers: what is read at once goes out as one, not as one and a rest. */
const BYTES = 61_440;
/** Most reads of a proxy are small and used up at once: one buffer serves every socket of the worker, and an idle connection holds none. */
const SHARED = Buffer.allocUnsafeSlow(BYTES);
/** Own buffers that are not in use. Without them the garbage collector has to look for memory with every body. */
const free: Buffer[] = [];
const FREE_MAX = 256;

export interface ReadState {
  /** A body or a tunnel is under way. */
  readonly streaming: boolean;
  /** What was read last waits to be written. */
  readonly pending: boolean;
  /** The next read comes when all of that has been written. */
  readonly paused: boolean;
}

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

  /** For `onread.buffer`, which Node asks before the first and after every read; null keeps the present one. */
  next({ streaming, pending, paused }: ReadState): Buffer | null {
    const before = this.#current;
    const owned = before !== null && before !== SHARED;
    if (streaming && owned && (!pending || paused)) return null;
    const wanted = streaming ? (free.pop() ?? Buffer.allocUnsafeSlow(BYTES)) : SHARED;
    if (owned && !pending && free.length < FREE_MAX) free.push(before);
    if (wanted === before) return null;
    this.#current = wanted;
    return wanted;
  }
}

/** Up to this many bytes Node's own small pool is cheaper. */
const SMALL_BYTES = 4_096;

/** A copy of something that was lent, in a buffer from the pool for as long as anything refers to it. */
export class LentCopy {
  #buffer: Buffer | null = null;

  of(data: Buffer): Buffer {
    if (data.length <= SMALL_BYTES) return Buffer.from(data);
    this.#buffer = free.pop() ?? Buffer.allocUnsafeSlow(BYTES);
    data.copy(this.#buffer);
    return this.#buffer.subarray(0, data.length);
  }

  /** Everything of it has been written. */
  giveBack(): void {
    if (this.#buffer !== null && free.length < FREE_MAX) free.push(this.#buffer);
    this.#buffer = null;
  }

  /** It may still be written, and is the garbage collector's. */
  forget(): void {
    this.#buffer = null;
  }
}
