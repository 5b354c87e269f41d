/** Where it is sent again. */
interface BodyTaker {
  sendBody(data: Buffer, more: boolean): void;
  endBody(trailers: string | null): void;
  flush(): void;
}

/** Of a request whose instance may still refuse it; more is not kept, and such a request is not sent again. */
const KEPT_BYTES_MAX = 65_536;

/** What has been sent of a request's body, kept while it is little and may have to be sent once more (R5). */
export class SentBody {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #end: { readonly trailers: string | null } | null = null;

  /** Some of it has been sent, or its end. */
  get begun(): boolean {
    return this.#bytes > 0 || this.#end !== null;
  }

  get isKept(): boolean {
    return this.#bytes <= KEPT_BYTES_MAX;
  }

  add(data: Buffer): void {
    this.#bytes += data.length;
    if (this.isKept) this.#pieces.push(data);
    else this.#pieces.length = 0;
  }

  end(trailers: string | null): void {
    this.#end = { trailers };
  }

  sendTo(upstream: BodyTaker): void {
    for (const piece of this.#pieces) upstream.sendBody(piece, true);
    if (this.#end === null) upstream.flush();
    else upstream.endBody(this.#end.trailers);
  }
}
