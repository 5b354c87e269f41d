import { NO_RELEASE } from "../../../core/ledger.ts";
import type { ConnectionEnds } from "../../connection-ends.ts";
import type { ClientHost } from "../client-host.ts";
import { errorAnswer } from "../error-response.ts";
import { Exchange } from "../exchange.ts";
import type { ExchangeClient } from "../exchange-client.ts";
import type { RequestBook } from "../request-book.ts";
import type { Route } from "../route.ts";
import type { Router } from "../router.ts";
import { admit } from "../admission.ts";
import type { OwnAnswer } from "../own-answer.ts";
import { isRefusal, refusal, type Refusal } from "../refusal.ts";
import type { RequestHead } from "../request-head.ts";
import type { ResponseHead } from "../response-head.ts";
import { answerBlock, interimBlock, linesBlock } from "./answer-block.ts";
import { AnswerSender } from "./answer-sender.ts";
import type { ClientLink, LinkedStream, StreamPlace } from "./client-link.ts";
import { linesOf } from "./fields.ts";
import { encodeField, encodeStatus } from "./hpack/encoder.ts";
import type { FieldList } from "./hpack/decoder.ts";
import { CODE } from "./protocol.ts";
import { shapeOf } from "./request-fields.ts";
import { RequestInput } from "./request-input.ts";
import { requestHeadOf } from "./request-text.ts";
import type { SendWindow } from "./send-window.ts";

const NOTHING = Buffer.alloc(0);
const TOO_LONG = refusal(431, "the request's header fields are too many or too long");

/** So much of an answer may wait for the client before its instance is told to wait too. */
const QUEUE_BYTES = 65_536;

/** One request of an HTTP/2 client (RFC 9113 section 8.1) and the way back for its answer. */
export class ClientStream implements ExchangeClient, LinkedStream {
  readonly number: number;
  readonly remoteAddress: string;
  readonly ends: ConnectionEnds | null;
  readonly secure: boolean;
  readonly http2 = true;
  readonly requestBeganAt = performance.now();
  /** Ending one's side of a stream is the end of the request, no sign of leaving. */
  readonly halfClosed = false;
  readonly serverName: string | null;
  forwarded = false;
  /** Nobody is there any more who could get an answer. */
  gone = false;
  /** Both sides have ended, or it was reset. */
  isOver = false;
  readonly #link: ClientLink;
  readonly #router: Router;
  readonly #host: ClientHost;
  #book: RequestBook;
  #input: RequestInput | null = null;
  #exchange: Exchange | null = null;
  #toHead = false;
  #hsts = "";
  /** The exchange takes what comes of the body. */
  #flowing = false;
  #requestEndTold = false;
  #requestTrailers: string | null = null;
  readonly #answer: AnswerSender;
  /** The answer is out, but the client goes on with its request. */
  #answeredAt = 0;
  #whenFlushed: (() => void) | null = null;

  constructor(number: number, place: StreamPlace) {
    this.number = number;
    this.#link = place.link;
    this.#router = place.door.router;
    this.#book = place.door.router.book;
    this.#host = place.host;
    this.serverName = place.serverName;
    this.remoteAddress = place.remoteAddress;
    this.ends = place.ends;
    this.secure = place.door.secure;
    this.#answer = new AnswerSender(this, place.link, {
      windowBytes: place.settings.initialWindow,
      onEnded: () => {
        this.#forgetIfOver();
      },
    });
  }

  start({ fields, tooLong }: FieldList, endOfStream: boolean): void {
    const shape = tooLong ? null : shapeOf(fields, endOfStream);
    if (shape === null && !tooLong) {
      this.#link.resetByMistake(this);
      return;
    }
    this.#book = this.#router.begin();
    if (!endOfStream) this.#input = new RequestInput(this.#host.limits.http2StreamWindow, shape?.length ?? null);
    const head = tooLong ? TOO_LONG : requestHeadOf(fields, endOfStream, this.#host.limits);
    if (isRefusal(head)) this.#refuse(head);
    else this.#serve(head);
  }

  // --- what the client sends ---

  /** `padding`: bytes beside the data that count in the window. */
  onData(data: Buffer, padding: number, endStream: boolean): void {
    const input = this.#input;
    if (input === null || input.ended) this.#link.resetByMistake(this);
    else if (!input.receive(data.length + padding)) this.#link.resetByMistake(this, CODE.flowControl);
    else if (!input.add(data, endStream)) this.#link.resetByMistake(this);
    else {
      this.#use(padding);
      if (this.#answeredAt > 0) this.#use(input.clear());
      else if (this.#flowing) this.#feed();
      else this.#exchange?.onWaitingInput();
      if (endStream) this.#forgetIfOver();
    }
  }

  onTrailers(fields: readonly string[]): void {
    this.#requestTrailers = linesOf(fields);
    this.onData(NOTHING, 0, true);
  }

  /** It was reset by either side, or the connection is gone. */
  onGone(): void {
    if (this.gone) return;
    this.#leave();
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.onClientClose();
  }

  get hasLeft(): boolean {
    return this.gone;
  }

  get hasInput(): boolean {
    const input = this.#input;
    return input !== null && (!input.isEmpty() || (input.ended && !this.#requestEndTold));
  }

  get waitingBytes(): number {
    return this.#input?.bytes ?? 0;
  }

  pause(): void {
    this.#flowing = false;
  }

  /** The end of a stream is always seen. */
  readOn(): void {}

  resumeBody(): void {
    this.#flowing = true;
    this.#feed();
  }

  #feed(): void {
    const exchange = this.#exchange;
    const input = this.#input;
    if (exchange === null || input === null) return;
    while (!input.isEmpty() && this.#isTaking(exchange)) {
      const part = input.take() ?? NOTHING;
      this.#use(part.length);
      exchange.onRequestBody(part, !input.isEmpty() || input.ended);
    }
    if (!input.ended || this.#requestEndTold || !this.#isTaking(exchange)) return;
    this.#requestEndTold = true;
    exchange.onRequestEnd(this.#requestTrailers);
  }

  #isTaking(exchange: Exchange): boolean {
    return this.#flowing && this.#exchange === exchange;
  }

  #use(bytes: number): void {
    const input = this.#input;
    const opened = bytes === 0 || input === null ? 0 : input.use(bytes);
    if (opened > 0 && input?.ended === false && !this.gone) this.#link.writer.windowUpdate(this.number, opened);
  }

  // --- the application's answer ---

  interim(head: ResponseHead): void {
    if (!this.gone) this.#answer.head(interimBlock(head));
  }

  whole(head: ResponseHead, body: string): void {
    this.forwarded = true;
    if (!this.gone) this.#answer.whole(answerBlock(head, { toHead: this.#toHead, hsts: this.#hsts }), body);
  }

  begin(head: ResponseHead): void {
    this.forwarded = true;
    if (!this.gone) this.#answer.head(answerBlock(head, { toHead: this.#toHead, hsts: this.#hsts }));
  }

  body(data: Buffer): void {
    if (!this.gone) this.#answer.body(data);
  }

  end(trailers: string | null): void {
    if (!this.gone) this.#answer.end(trailers === null ? "" : linesBlock(trailers));
  }

  isClogged(): boolean {
    const clogged = !this.gone && (this.#answer.waitingBytes >= QUEUE_BYTES || this.#link.writer.isClogged);
    if (clogged) this.#link.noteClogged(this);
    return clogged;
  }

  /** Its instance may go on: what was read of it is not needed any more, and its memory is read into again (see ReadBuffer). */
  get isFree(): boolean {
    return this.gone || this.#answer.isFlushed();
  }

  onFree(): void {
    this.#exchange?.onClientDrain();
  }

  isFlushed(): boolean {
    return this.#answer.isFlushed();
  }

  whenFlushed(callback: () => void): void {
    this.#whenFlushed = callback;
    this.#link.noteUnwritten(this);
  }

  onWritten(): void {
    const callback = this.#whenFlushed;
    this.#whenFlushed = null;
    callback?.();
  }

  whenAnswered(): void {
    this.#exchange = null;
    this.#discardRest();
  }

  get window(): SendWindow {
    return this.#answer.window;
  }

  send(): void {
    this.#answer.send();
  }

  sendFrame(): boolean {
    return this.#answer.sendFrame();
  }

  #forgetIfOver(): void {
    if (!this.#answer.isEnded || this.isOver || this.#input?.ended === false) return;
    this.isOver = true;
    this.#link.forget(this);
  }

  // --- other ends ---

  answer(own: OwnAnswer, { bodyless = false }: { bodyless?: boolean }): void {
    this.#respond(own, bodyless);
    this.#exchange = null;
  }

  abort(): void {
    this.#exchange = null;
    this.#reset(CODE.internal);
  }

  /** Whoever of the client's requests is waited for in vain. */
  sweep(now: number): void {
    this.#exchange?.sweep(now);
    // The answer is whole, so the rest of the request is not needed (RFC 9113 section 8.1).
    if (this.#answeredAt > 0 && now - this.#answeredAt > this.#host.limits.lingerIdleMs) this.#reset(CODE.none);
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

  #reset(code: number): void {
    if (this.gone || this.isOver) return;
    this.#link.writer.reset(this.number, code);
    this.#leave();
    this.#link.forget(this);
  }

  #leave(): void {
    this.gone = true;
    this.isOver = true;
    this.#answer.drop();
    this.#input?.clear();
    this.#whenFlushed = null;
  }

  /** The rest of the request is read for a while, so that what was on its way disturbs nobody, and then refused. */
  #discardRest(): void {
    if (this.isOver || this.#input === null || this.#input.ended) return;
    this.#answeredAt = Date.now();
    this.#use(this.#input.clear());
  }

  #serve(head: RequestHead): void {
    const challenges = this.#host.challenges.http;
    const admitted = admit(head, this, { router: this.#router, book: this.#book, challenges });
    if ("own" in admitted) {
      this.#hsts = admitted.hsts;
      this.#respond(admitted.own, head.method === "HEAD");
      return;
    }
    if (this.secure) this.#hsts = admitted.app.hsts;
    this.#exchangeOn(head, admitted);
  }

  #exchangeOn(head: RequestHead, route: Route): void {
    this.#toHead = head.method === "HEAD";
    this.#exchange = new Exchange(this, route, head, this.#host.limits);
    this.#exchange.start();
  }

  #refuse({ status, reason }: Refusal): void {
    this.#book.end(NO_RELEASE, "refused", status);
    this.#respond(errorAnswer(status, reason), false);
  }

  #respond({ status, type, fields, body }: OwnAnswer, bodyless: boolean): void {
    if (this.gone) return;
    const own = encodeField("content-type", type) + encodeField("content-length", String(body.length));
    this.#answer.whole(encodeStatus(status) + own + linesBlock(fields + this.#hsts), bodyless ? "" : body);
    this.#discardRest();
  }
}
