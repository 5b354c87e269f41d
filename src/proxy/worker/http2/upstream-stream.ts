import { constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { isRefusal } from "../refusal.ts";
import type { RequestHead } from "../request-head.ts";
import { isBodyless, parseResponseHead, type ResponseHead } from "../response-head.ts";
import { SentBody } from "../sent-body.ts";
import type { Upstream, UpstreamUser } from "../upstream.ts";
import { addFields, afterStartLine, linesOf, objectOf, valueOf } from "./fields.ts";

const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;
/** The session takes no more requests (or none at all any more): this one has not been sent. */
const NOT_SENT = new Set(["ERR_HTTP2_GOAWAY_SESSION", "ERR_HTTP2_INVALID_SESSION", "ERR_HTTP2_OUT_OF_STREAMS"]);
/** HTTP/2 applications are not asked: the body is on its way, and flow control holds it where they do not want it. */
const CONTINUE: ResponseHead = {
  status: 100,
  forward: "HTTP/1.1 100 Continue\r\n",
  body: 0,
  length: null,
  keepAlive: true,
  upgrade: null,
  idleHintMs: null,
  trailer: null,
};

/** One request on a connection that an instance shares with others. The session it runs on is its pool's business. */
export class UpstreamStream implements Upstream {
  user: UpstreamUser | null = null;
  readonly preface = "";
  connected = false;
  reused = false;
  began = false;
  readonly reusable = false;
  readonly idleHintMs = null;
  idleSince = 0;
  refused: SentBody | null = null;
  readonly #session: ClientHttp2Session;
  readonly #headersMax: number;
  readonly #onClosed: () => void;
  #stream: ClientHttp2Stream | null = null;
  #trailers: string | null = null;
  #requestTrailers: string | null = null;
  /** Until the application has answered with anything. */
  #sent: SentBody | null = new SentBody();
  #toHead = false;
  #ended = false;
  #gone = false;

  constructor(session: ClientHttp2Session, headersMax: number, onClosed: () => void) {
    this.#onClosed = onClosed;
    this.#session = session;
    this.#headersMax = headersMax;
  }

  /** The session's connection stands. */
  onConnect(): void {
    this.connected = true;
    this.user?.onUpstreamConnect();
  }

  /** The session's connection is gone before the request was sent. */
  onSessionClose(): void {
    if (this.#stream === null) this.#close();
  }

  isUsable(): boolean {
    return !this.#gone && !this.#session.closed && !this.#session.destroyed;
  }

  sendHead(head: RequestHead, fields: string): void {
    this.#toHead = head.method === "HEAD";
    const { user } = this;
    const stream = this.#open(head, fields);
    if (stream === null) {
      this.#close();
      return;
    }
    this.#stream = stream;
    this.#listen(stream);
    if (head.expectContinue) user?.onInterim(CONTINUE);
  }

  sendBody(data: Buffer): void {
    this.#sent?.add(data);
    this.#stream?.write(data);
  }

  endBody(trailers: string | null): void {
    this.#requestTrailers = trailers;
    this.#sent?.end(trailers);
    this.#stream?.end();
  }

  flush(): void {}

  sendRaw(): void {
    this.destroy();
  }

  endRaw(): void {
    this.destroy();
  }

  isClogged(): boolean {
    return this.#stream?.writableNeedDrain === true;
  }

  isFlushed(): boolean {
    return this.#stream === null || this.#stream.writableLength === 0;
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  destroy(): void {
    if (this.#stream === null) this.#close();
    else if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #open(head: RequestHead, fields: string): ClientHttp2Stream | null {
    const all = [":method", head.method, ":scheme", "http", ":authority", head.host, ":path", head.target];
    // The first two lines are the start line and Host, which stands in :authority.
    addFields(all, head.forward, head.forward.indexOf("\r\n", afterStartLine(head.forward)) + 2);
    if (typeof head.body === "number" && head.body > 0) all.push("content-length", String(head.body));
    if (head.acceptsTrailers) all.push("te", "trailers");
    addFields(all, fields);
    try {
      // A body that waits for trailers is not ended by `destroy` either: a request that broke off must not look whole to the application.
      return this.#session.request(all, { endStream: head.body === 0, waitForTrailers: head.body !== 0 });
    } catch (error) {
      if (NOT_SENT.has((error as NodeJS.ErrnoException).code ?? "")) this.refused = this.#sent;
      return null;
    }
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on("response", (_headers, flags, fields: string[]) => {
      this.#onHead(fields, (flags & END_STREAM) !== 0);
    });
    stream.on("headers", (headers, _flags, fields: string[]) => {
      this.#onInterim(Number(headers[":status"]), fields);
    });
    stream.on("trailers", (_trailers, _flags, fields: string[]) => (this.#trailers = linesOf(fields)));
    stream.on("wantTrailers", () => {
      // Without any, Node sends an empty last DATA frame; closing here would reset the stream while data is on its way.
      stream.sendTrailers(objectOf(this.#requestTrailers ?? ""));
    });
    stream.on("data", (data: Buffer) => this.user?.onBody(data, false));
    stream.on("end", () => {
      this.#onEnd(stream.aborted);
    });
    stream.on("drain", () => this.user?.onUpstreamDrain());
    stream.on("error", () => undefined);
    stream.on("close", () => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM && this.#sent?.isKept === true) this.refused = this.#sent;
      this.#close();
    });
  }

  #onInterim(status: number, fields: readonly string[]): void {
    this.began = true;
    this.#sent = null;
    const head = parseResponseHead(`HTTP/1.1 ${String(status)} \r\n${linesOf(fields)}\r\n`, this.#headersMax);
    if (isRefusal(head)) this.user?.onBroken();
    else this.user?.onInterim(head);
  }

  #onHead(fields: readonly string[], endOfStream: boolean): void {
    this.began = true;
    this.#sent = null;
    const status = Number(valueOf(fields, ":status"));
    const length = endOfStream || valueOf(fields, "content-length") !== null ? "" : "transfer-encoding: chunked\r\n";
    const text = `HTTP/1.1 ${String(status)} \r\n${linesOf(fields)}${length}\r\n`;
    const head = parseResponseHead(text, this.#headersMax);
    if (isRefusal(head)) {
      this.user?.onBroken();
    } else if (endOfStream) {
      this.#ended = true;
      const empty = isBodyless(this.#toHead, status) ? head : { ...head, body: 0 };
      this.user?.onWhole(empty, "");
    } else this.user?.onHead(head, false);
  }

  #onEnd(aborted: boolean): void {
    // Where nothing has begun, `close` says why.
    if (this.#ended || !this.began) return;
    this.#ended = true;
    if (aborted) this.user?.onBroken();
    else this.user?.onEnd(this.#trailers);
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    const { user } = this;
    this.user = null;
    this.#onClosed();
    user?.onUpstreamClose();
  }
}
