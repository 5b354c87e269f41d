/** Lets many wait for the next change. */
export class News {
  #next = Promise.withResolvers<undefined>();

  tell(): void {
    this.#next.resolve(undefined);
    this.#next = Promise.withResolvers<undefined>();
  }

  /** Resolves with the next `tell`. */
  wait(): Promise<undefined> {
    return this.#next.promise;
  }
}
