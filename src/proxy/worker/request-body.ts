import { ChunkedDecoder } from "./chunked.ts";
import type { Limits } from "./limits.ts";
import type { BodyLength } from "./request-head.ts";

/** Takes the pieces of one request's body, without the client's framing. */
export interface BodySink {
  /** The data may be kept. `more`: another part follows in the same turn. */
  onRequestBody(data: Buffer, more: boolean): void;
  /** The body is whole; `trailers` are lines with their CRLF. */
  onRequestEnd(trailers: string | null): void;
}

/** Finds the body of one request in what an HTTP/1.x client sends. */
export class RequestBody {
  /** The whole body has come. */
  complete: boolean;
  readonly #decoder: ChunkedDecoder | null;
  #left: number;

  constructor(body: BodyLength, limits: Limits) {
    this.#decoder = body === "chunked" ? new ChunkedDecoder(limits) : null;
    this.#left = body === "chunked" ? 0 : body;
    this.complete = body === 0;
  }

  /** So many bytes are still to come, as far as that is known. */
  get left(): number {
    return this.#left;
  }

  /** Gives how many bytes of the input belong to the body, or null when its framing is broken. */
  take(data: Buffer, sink: BodySink): number | null {
    return this.#decoder === null ? this.#takeCounted(data, sink) : this.#takeChunked(this.#decoder, data, sink);
  }

  #takeCounted(data: Buffer, sink: BodySink): number {
    const used = Math.min(data.length, this.#left);
    this.#left -= used;
    this.complete = this.#left === 0;
    sink.onRequestBody(used === data.length ? data : data.subarray(0, used), this.complete);
    if (this.complete) sink.onRequestEnd(null);
    return used;
  }

  #takeChunked(decoder: ChunkedDecoder, data: Buffer, sink: BodySink): number | null {
    const decoded = decoder.decode(data);
    if (decoded === null) return null;
    this.complete = decoded.done;
    const last = decoded.payload.at(-1);
    for (const payload of decoded.payload) sink.onRequestBody(payload, decoded.done || payload !== last);
    if (decoded.done) sink.onRequestEnd(null);
    return decoded.used;
  }
}
