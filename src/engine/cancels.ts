/** Calls that can be given up, by what they concern: `ready/<instance>`, `drain/<instance>`, `create/<release>`, `task/<task>`. */
export class Cancels {
  readonly #cancels = new Map<string, AbortController>();
  readonly #closing: AbortSignal;

  /** `closing` gives up everything. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  abort(key: string, reason?: Error): void {
    this.#cancels.get(key)?.abort(reason);
  }

  /** Rejects with the reason when one of the keys is given up meanwhile, also where the call itself takes no notice. */
  async run<T>(keys: readonly string[], call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cancel = new AbortController();
    for (const key of keys) this.#cancels.set(key, cancel);
    try {
      const signal = AbortSignal.any([cancel.signal, this.#closing]);
      const result = await call(signal);
      // What comes although it was given up answers an old question: an instance that is drained again is not drained yet.
      signal.throwIfAborted();
      return result;
    } finally {
      for (const key of keys) if (this.#cancels.get(key) === cancel) this.#cancels.delete(key);
    }
  }
}
