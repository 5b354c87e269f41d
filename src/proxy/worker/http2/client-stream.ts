import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { NO_RELEASE } from "../../../core/ledger.ts";
import type { ConnectionEnds } from "../../connection-ends.ts";
import type { ClientHost, Door } from "../client-host.ts";
import { errorAnswer } from "../error-response.ts";
import { Exchange } from "../exchange.ts";
import type { ExchangeClient } from "../exchange-client.ts";
import type { Registered } from "../registry.ts";
import type { RequestBook } from "../request-book.ts";
import type { Route } from "../route.ts";
import type { Router } from "../router.ts";
import { ownAnswer } from "../answer-instead.ts";
import type { OwnAnswer } from "../own-answer.ts";
import { isRefusal, type Refusal } from "../refusal.ts";
import type { RequestHead } from "../request-head.ts";
import { isBodyless, type ResponseHead } from "../response-head.ts";
import { addFields, afterStartLine, linesOf, objectOf, valueOf } from "./fields.ts";
import { requestHeadOf } from "./request-text.ts";

/** What a stream needs to know of its connection. */
export interface StreamPlace {
  readonly host: ClientHost;
  readonly door: Door;
  readonly remoteAddress: string;
  readonly ends: ConnectionEnds | null;
  /** What was asked for by SNI. */
  readonly serverName: string | null;
  readonly session: ServerHttp2Session;
}

/** HTTP/2 as Node speaks it ends here; what a client would have to take for a 5xx becomes one (RFC 9110 section 15). */
const STATUS_MAX = 599;
/** Goes out as RST_STREAM(INTERNAL_ERROR). */
const BROKEN_OFF = new Error("the answer is not whole");

/** One request of an HTTP/2 client (RFC 9113 section 8.1) and the way back for its answer. */
export class ClientStream implements ExchangeClient, Registered {
  slot = -1;
  readonly remoteAddress: string;
  readonly ends: ConnectionEnds | null;
  readonly secure: boolean;
  readonly http2 = true;
  readonly requestBeganAt = performance.now();
  /** Ending one's side of a stream is the end of the request, no sign of leaving. */
  readonly halfClosed = false;
  readonly hasInput = false;
  forwarded = false;
  readonly #stream: ServerHttp2Stream;
  readonly #session: ServerHttp2Session;
  readonly #router: Router;
  readonly serverName: string | null;
  readonly #host: ClientHost;
  #exchange: Exchange | null = null;
  #toHead = false;
  #hsts = "";
  #book: RequestBook;
  #trailers: string | null = null;
  #requestTrailers: string | null = null;
  #reading = false;
  /** Its head was all of it. */
  #isWhole = false;
  #ended = false;
  /** The answer is out, but the client goes on with its request. */
  #answeredAt = 0;
  #whenFlushed: (() => void) | null = null;

  constructor(stream: ServerHttp2Stream, place: StreamPlace) {
    this.#stream = stream;
    this.#session = place.session;
    this.#router = place.door.router;
    this.serverName = place.serverName;
    this.#book = this.#router.begin();
    this.#host = place.host;
    this.remoteAddress = place.remoteAddress;
    this.ends = place.ends;
    this.secure = place.door.secure;
    stream.on("close", () => {
      this.#onClose();
    });
  }

  start(fields: readonly string[], endOfStream: boolean): void {
    this.#isWhole = endOfStream;
    const head = requestHeadOf(fields, endOfStream, this.#host.limits);
    // One without a body is left unread: read to its end, Node would destroy it before it has heard that the answer was written.
    if (!endOfStream)
      this.#stream.on("trailers", (_trailers, _flags, taken: string[]) => (this.#requestTrailers = linesOf(taken)));
    if (isRefusal(head)) this.#refuse(head);
    else this.#serve(head);
  }

  get hasLeft(): boolean {
    return this.gone;
  }

  get waitingBytes(): number {
    return this.#stream.readableLength;
  }

  sweep(now: number): void {
    this.#exchange?.sweep(now);
    // The answer is whole, so the rest of the request is not needed (RFC 9113 section 8.1).
    if (this.#answeredAt > 0 && now - this.#answeredAt > this.#host.limits.lingerIdleMs && !this.gone)
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  get gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  isClogged(): boolean {
    return this.#stream.writableNeedDrain;
  }

  isFlushed(): boolean {
    return this.#stream.writableLength === 0;
  }

  whenFlushed(callback: () => void): void {
    this.#whenFlushed = callback;
    if (this.#stream.writableFinished) this.#onFlushed();
    else
      this.#stream.once("finish", () => {
        this.#onFlushed();
      });
  }

  // --- the request's body ---

  pause(): void {
    this.#stream.pause();
  }

  /** The end of a stream is always seen. */
  readOn(): void {}

  resumeBody(): void {
    if (!this.#reading) this.#read();
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  #read(): void {
    this.#reading = true;
    const stream = this.#stream;
    stream.on("data", (data: Buffer) => this.#exchange?.onRequestBody(data, false));
    stream.on("end", () => {
      if (!stream.aborted) this.#exchange?.onRequestEnd(this.#requestTrailers);
    });
  }

  // --- the application's answer ---

  interim(head: ResponseHead): void {
    if (this.gone) return;
    this.#stream.additionalHeaders({ ":status": head.status, ...objectOf(head.forward, afterStartLine(head.forward)) });
  }

  whole(head: ResponseHead, body: string): void {
    this.forwarded = true;
    this.#ended = true;
    if (this.gone) return;
    this.#stream.respond(this.#fieldsOf(head), { endStream: body === "" });
    if (body !== "") this.#stream.end(body, "latin1");
  }

  begin(head: ResponseHead): void {
    this.forwarded = true;
    if (this.gone) return;
    const stream = this.#stream;
    const waitForTrailers = typeof head.body !== "number";
    stream.on("drain", () => this.#exchange?.onClientDrain());
    if (waitForTrailers)
      stream.once("wantTrailers", () => {
        // Without any, Node sends an empty last DATA frame; closing here would reset the stream while data is on its way.
        stream.sendTrailers(objectOf(this.#trailers ?? ""));
      });
    stream.respond(this.#fieldsOf(head), { waitForTrailers });
  }

  body(data: Buffer): void {
    if (!this.gone) this.#stream.write(data);
  }

  end(trailers: string | null): void {
    this.#trailers = trailers;
    this.#ended = true;
    if (!this.gone) this.#stream.end();
  }

  whenAnswered(): void {
    this.#exchange = null;
    this.#discardRest();
  }

  /** The rest of the request is read for a while, so that what was on its way disturbs nobody, and then refused. */
  #discardRest(): void {
    if (this.#isWhole || this.#stream.readableEnded || this.gone) return;
    this.#answeredAt = Date.now();
    this.#stream.resume();
  }

  // --- other ends ---

  answer(own: OwnAnswer, { bodyless = false }: { bodyless?: boolean }): void {
    this.#respond(own, bodyless);
    this.#exchange = null;
  }

  abort(): void {
    this.#exchange = null;
    // Node's `close` would end the stream first, and with it an answer that is not whole.
    if (!this.gone) this.#stream.destroy(BROKEN_OFF);
  }

  // --- tunnels: HTTP/2 has no Upgrade, so no request that came by it asks for one ---

  switchTo(): void {
    this.abort();
  }

  raw(): void {
    this.abort();
  }

  endRaw(): void {
    this.abort();
  }

  closeTunnel(): void {
    this.abort();
  }

  #serve(head: RequestHead): void {
    const route = this.#router.route(head, this.#book, this);
    this.#book = route.book;
    const own = ownAnswer(head, this, isRefusal(route) ? null : route.app, this.#host.challenges.http);
    if (own !== null) this.#answerOwn(head, own);
    else if (isRefusal(route)) this.#refuse(route, head.method === "HEAD");
    else this.#exchangeOn(head, route);
  }

  #answerOwn(head: RequestHead, own: OwnAnswer): void {
    this.#book.end(NO_RELEASE, own.column ?? "served", own.status);
    this.#respond(own, head.method === "HEAD");
  }

  #onFlushed(): void {
    const callback = this.#whenFlushed;
    this.#whenFlushed = null;
    callback?.();
  }

  /** A stream that ended in order has been read to its end, even where Node says so before it says that everything was written. */
  #onClose(): void {
    if (this.#ended && !this.#session.destroyed && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR) this.#onFlushed();
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.onClientClose();
  }

  #exchangeOn(head: RequestHead, route: Route): void {
    if (this.secure) this.#hsts = route.app.hsts;
    this.#toHead = head.method === "HEAD";
    this.#exchange = new Exchange(this, route, head, this.#host.limits);
    this.#exchange.start();
  }

  #refuse({ status, reason }: Refusal, bodyless = false): void {
    this.#book.end(NO_RELEASE, "refused", status);
    this.#respond(errorAnswer(status, reason), bodyless);
  }

  #respond({ status, type, fields, body }: OwnAnswer, bodyless: boolean): void {
    if (this.gone) return;
    const head = [":status", String(status), "content-type", type, "content-length", String(body.length)];
    this.#stream.respond(addFields(head, fields), { endStream: bodyless });
    if (!bodyless) this.#stream.end(body, "latin1");
    this.#discardRest();
  }

  #fieldsOf(head: ResponseHead): string[] {
    const fields = [":status", head.status > STATUS_MAX ? "500" : String(head.status)];
    addFields(fields, head.forward, afterStartLine(head.forward));
    if (this.#hsts !== "" && valueOf(fields, "strict-transport-security") === null) addFields(fields, this.#hsts);
    const length = isBodyless(this.#toHead, head.status) ? head.length : head.body;
    if (typeof length === "number" && head.status !== 204) fields.push("content-length", String(length));
    return fields;
  }
}
