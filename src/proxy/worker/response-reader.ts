import { ChunkedDecoder } from "./chunked.ts";
import type { Limits } from "./limits.ts";
import { LentCopy } from "./read-buffer.ts";
import { isRefusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { isBodyless, parseResponseHead, type ResponseHead } from "./response-head.ts";
import type { ResponseSink } from "./upstream.ts";

const HEAD_END = "\r\n\r\n";
const INTERIM_MAX = 16;
/** Up to this many bytes are turned into text at once; in more, the end of the head is looked for first. */
const ONE_TEXT_BYTES = 16_384;

type State = "head" | "counted" | "chunked" | "until-close" | "tunnel" | "done";

/** Takes the answers on one HTTP/1.1 connection apart, one after the other, and gives the parts to whoever asked. */
export class ResponseReader {
  /** Some byte of the present answer has come. */
  began = false;
  idleHintMs: number | null = null;
  readonly #limits: Limits;
  #state: State = "done";
  #head = false;
  #upgrade: string | null = null;
  #partial: Buffer | null = null;
  #interim = 0;
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #keepAlive = false;
  #extra = false;
  readonly #copy = new LentCopy();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The next answer is the one to this request. */
  expect(request: RequestHead): void {
    this.began = false;
    this.idleHintMs = null;
    this.#state = "head";
    this.#head = request.method === "HEAD";
    this.#upgrade = request.upgrade?.toLowerCase() ?? null;
    this.#partial = null;
    this.#interim = 0;
    this.#decoder = null;
    this.#keepAlive = false;
    this.#extra = false;
  }

  /** After a whole answer: nothing speaks against another request on the connection. */
  get reusable(): boolean {
    return this.#state === "done" && this.#keepAlive && !this.#extra;
  }

  /** A body or a tunnel is under way: what is read may be kept by whoever writes it on. */
  get isStreaming(): boolean {
    return this.#state !== "head" && this.#state !== "done";
  }

  /** Everything that was read so far has been written to the client, or not (then its memory is not used again). */
  whenWritten(all: boolean): void {
    if (all) this.#copy.giveBack();
    else this.#copy.forget();
  }

  /** `lent`: the data is only good for the length of the call. */
  take(data: Buffer, lent: boolean, sink: ResponseSink): void {
    this.began = true;
    if (this.#state === "head") this.#takeHead(data, lent, sink);
    else this.#takeRest(lent ? this.#copy.of(data) : data, sink);
  }

  /** The application has closed its side. */
  end(sink: ResponseSink): void {
    if (this.#state === "tunnel") sink.onRawEnd();
    else if (this.#state === "until-close") this.#finish(sink, null);
    else sink.onBroken();
  }

  #takeHead(piece: Buffer, lent: boolean, sink: ResponseSink): void {
    const data = this.#partial === null ? piece : Buffer.concat([this.#partial, piece]);
    const isLent = lent && this.#partial === null;
    const bytes = data.length <= ONE_TEXT_BYTES ? data.length : this.#limits.headBytesMax + HEAD_END.length;
    const text = data.toString("latin1", 0, bytes);
    const end = text.indexOf(HEAD_END);
    if (end < 0 || end > this.#limits.headBytesMax) {
      if (data.length > this.#limits.headBytesMax) sink.onBroken();
      else this.#partial = isLent ? Buffer.from(data) : data;
      return;
    }
    this.#partial = null;
    const after = end + HEAD_END.length;
    const head = parseResponseHead(text.slice(0, after), this.#limits.headersMax);
    if (isRefusal(head)) sink.onBroken();
    else if (head.status === 101) this.#switch(head, data.subarray(after), sink);
    else if (head.status < 200) this.#passInterim(head, data.subarray(after), isLent, sink);
    else if (this.#begin(head) === data.length - after && text.length === data.length) {
      this.#state = "done";
      sink.onWhole(head, text.slice(after));
    } else this.#passHead(head, data.subarray(after), isLent, sink);
  }

  /** The number of body bytes of an answer that can be had whole, or -1. */
  #begin(head: ResponseHead): number {
    this.#keepAlive = head.keepAlive;
    this.idleHintMs = head.idleHintMs;
    if (isBodyless(this.#head, head.status)) return this.#expectCounted(0);
    if (typeof head.body === "number") return this.#expectCounted(head.body);
    if (head.body === "close") {
      this.#keepAlive = false;
      this.#state = "until-close";
    } else {
      this.#decoder = new ChunkedDecoder(this.#limits);
      this.#state = "chunked";
    }
    return -1;
  }

  #expectCounted(bytes: number): number {
    this.#state = "counted";
    this.#left = bytes;
    return bytes;
  }

  #passHead(head: ResponseHead, rest: Buffer, lent: boolean, sink: ResponseSink): void {
    const more = rest.length > 0 || (this.#state === "counted" && this.#left === 0);
    sink.onHead(head, more);
    if (more) this.#takeRest(lent ? this.#copy.of(rest) : rest, sink);
  }

  #passInterim(head: ResponseHead, rest: Buffer, lent: boolean, sink: ResponseSink): void {
    this.#interim += 1;
    if (this.#interim > INTERIM_MAX) {
      sink.onBroken();
      return;
    }
    sink.onInterim(head);
    if (rest.length > 0) this.#takeHead(rest, lent, sink);
  }

  #switch(head: ResponseHead, rest: Buffer, sink: ResponseSink): void {
    if (this.#upgrade === null || head.upgrade?.toLowerCase() !== this.#upgrade) {
      sink.onBroken();
      return;
    }
    this.#state = "tunnel";
    sink.onSwitched(head, rest.length === 0 ? null : Buffer.from(rest));
  }

  #takeRest(data: Buffer, sink: ResponseSink): void {
    switch (this.#state) {
      case "counted":
        this.#takeCounted(data, sink);
        return;
      case "chunked":
        this.#takeChunked(data, sink);
        return;
      case "until-close":
        sink.onBody(data, false);
        return;
      case "tunnel":
        sink.onRaw(data);
        return;
      case "head":
      case "done":
        this.#extra = true;
    }
  }

  #takeCounted(data: Buffer, sink: ResponseSink): void {
    const used = Math.min(this.#left, data.length);
    this.#left -= used;
    this.#extra = data.length > used;
    const done = this.#left === 0;
    if (used > 0) sink.onBody(used === data.length ? data : data.subarray(0, used), done);
    if (done) this.#finish(sink, null);
  }

  #takeChunked(data: Buffer, sink: ResponseSink): void {
    const decoded = this.#decoder?.decode(data) ?? null;
    if (decoded === null) {
      sink.onBroken();
      return;
    }
    this.#extra = data.length > decoded.used;
    const last = decoded.payload.at(-1);
    for (const payload of decoded.payload) sink.onBody(payload, decoded.done || payload !== last);
    if (decoded.done) this.#finish(sink, this.#decoder?.trailers ?? null);
  }

  /** The last thing that is done: the sink may have sent the next request when it returns. */
  #finish(sink: ResponseSink, trailers: string | null): void {
    this.#state = "done";
    this.#decoder = null;
    sink.onEnd(trailers);
  }
}
