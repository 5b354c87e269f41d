import type { Socket } from "node:net";
import { NO_RELEASE } from "../../core/ledger.ts";
import { errorAnswer } from "./error-response.ts";
import type { SocketReader } from "./acceptor.ts";
import type { ConnectionEnds } from "../connection-ends.ts";
import { clientAddress, connectionEnds, serverNameOf } from "./client-socket.ts";
import type { ClientHost, Door, OpenConnection } from "./client-host.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { Linger } from "./linger.ts";
import { LentCopy } from "./read-buffer.ts";
import { isRefusal, refusal, type Refusal } from "./refusal.ts";
import { RequestBody } from "./request-body.ts";
import { ownAnswer } from "./answer-instead.ts";
import { writeOwn, type OwnAnswer } from "./own-answer.ts";
import { partialHeadProblem } from "./partial-head.ts";
import { parseRequestHead, type RequestHead } from "./request-head.ts";
import type { RequestBook } from "./request-book.ts";
import type { ResponseHead } from "./response-head.ts";
import { isReset } from "./reset-socket.ts";
import { ResponseWriter } from "./response-writer.ts";
import { traceOf, type Route, type RoutedApp, type Unrouted } from "./route.ts";
import type { Router } from "./router.ts";

const HEAD_END = "\r\n\r\n";
/** The first half of the preface by which HTTP/2 begins (RFC 9113 section 3.4): to HTTP/1.1 it looks like a head. */
const PREFACE_HEAD = "PRI * HTTP/2.0\r\n\r\n";
const NOTHING = Buffer.alloc(0);
const CR = 13;
const LF = 10;
/** What a client may send ahead of its turn (pipelining) before it is read no further. */
const AHEAD_BYTES_MAX = 65_536;

/** Whoever has an error here also closes, and that is what counts. */
const ignore = (): void => undefined;

/**
 * One client's connection: reads request after request, answers in order, and closes without losing what the client has not yet read
 * (RFC 9112 section 9.6). Listeners are set once; timeouts come from the worker's one coarse timer.
 */
export class ClientConnection implements ExchangeClient, OpenConnection {
  slot = -1;
  readonly remoteAddress: string;
  readonly secure: boolean;
  readonly http2 = false;
  /** `performance.now()` of the present request's first byte. */
  requestBeganAt = 0;
  /** The client has closed its side, but may still read. */
  halfClosed = false;
  gone = false;
  readonly #host: ClientHost;
  readonly #router: Router;
  readonly serverName: string | null;
  readonly #socket: Socket;
  readonly #writer: ResponseWriter;
  /** Where the present request is counted; set while there is one. */
  #book: RequestBook;
  #exchange: Exchange | null = null;
  #body: RequestBody | null = null;
  #input: Buffer = NOTHING;
  #inputLent = false;
  #copy: LentCopy | null = null;
  /** So much of the input has been searched for the end of the head. */
  #searched = 0;
  /** Within a request: from its first byte to its end. */
  #inRequest = false;
  #processing = false;
  #emptyLines = 0;
  /** It has had an answer: it may wait longer with its next request than a new one with its first. */
  #answered = false;
  #linger: Linger | null = null;
  /** Another protocol has the socket now. */
  #successor: SocketReader | null = null;
  /** The write of a whole answer has not come back. */
  #awaitsWrite = false;
  #whenWritten: (() => void) | null = null;
  #movedAt = Date.now();

  constructor(socket: Socket, door: Door, host: ClientHost) {
    this.#socket = socket;
    this.#writer = new ResponseWriter(socket);
    this.remoteAddress = clientAddress(socket);
    this.secure = door.secure;
    this.#router = door.router;
    this.serverName = serverNameOf(socket);
    this.#book = door.router.book;
    this.#host = host;
    socket.on("end", () => {
      this.#onEnd();
    });
    socket.on("drain", () => this.#exchange?.onClientDrain());
    socket.on("error", ignore);
    socket.on("close", () => {
      this.#onClose();
    });
  }

  /** Takes what the socket has read. `lent`: the data is only good for the length of the call. */
  onData(data: Buffer, lent: boolean): void {
    if (this.#successor !== null) {
      this.#successor.onData(data, lent);
      return;
    }
    this.#movedAt = Date.now();
    if (this.#linger !== null) {
      if (this.#linger.isTooMuch(data.length)) this.#socket.destroy();
      return;
    }
    if (this.#input.length === 0) {
      this.#input = data;
      this.#inputLent = lent;
    } else {
      this.#input = Buffer.concat([this.#input, data]);
      this.#inputLent = false;
    }
    if (this.#exchange === null) this.#process();
    else if (this.#exchange.wantsData) this.#feed();
    else this.#keepForLater(this.#exchange);
    if (this.#waitsWithBody()) this.#socket.pause();
    this.#own();
  }

  /** In the moment until it can go on, a body would only be put together piece by piece. */
  #waitsWithBody(): boolean {
    return this.#exchange?.isDialling === true && this.#body !== null && this.#body.left > this.#input.length;
  }

  /** A body or a tunnel flows: what is read may be kept by whoever writes it on. */
  get isStreaming(): boolean {
    return this.#exchange?.wantsData === true;
  }

  /** What was read last waits to be sent on. */
  get keepsInput(): boolean {
    return this.#input.length > 0 || this.#exchange?.isSentOn() === false;
  }

  #keepForLater(exchange: Exchange): void {
    if (this.#input.length > AHEAD_BYTES_MAX) this.#socket.pause();
    exchange.onWaitingInput();
  }

  /** Whether the connection has to end after the present answer. What a client sent before it closed its side is still answered. */
  #mustClose(): boolean {
    return (this.halfClosed && this.#input.length === 0) || this.#host.isDraining();
  }

  // --- what the exchange asks for ---

  readOn(): void {
    if (!this.gone) this.#resume();
  }

  get ends(): ConnectionEnds | null {
    return connectionEnds(this.#socket);
  }

  get hasInput(): boolean {
    return this.#input.length > 0;
  }

  get waitingBytes(): number {
    return this.#input.length;
  }

  get hasLeft(): boolean {
    return this.#socket.isPaused() && isReset(this.#socket);
  }

  get forwarded(): boolean {
    return this.#writer.forwarded;
  }

  pause(): void {
    this.#socket.pause();
  }

  resumeBody(): void {
    if (this.gone) return;
    this.#giveCopyBack();
    this.#resume();
    if (this.#input.length > 0) this.#feed();
    if (this.halfClosed && this.#body?.complete === false) this.#exchange?.onClientEnd();
  }

  isClogged(): boolean {
    return this.#socket.writableNeedDrain;
  }

  isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  whenFlushed(callback: () => void): void {
    if (this.#awaitsWrite) {
      this.#whenWritten = callback;
      return;
    }
    this.#socket.write(NOTHING, (error) => {
      if (error === null || error === undefined) callback();
    });
  }

  interim(head: ResponseHead): void {
    this.#writer.interim(head);
  }

  whole(head: ResponseHead, body: string, close: boolean): void {
    if (!this.secure) {
      this.#writer.whole(head, body, close || this.#mustClose());
      return;
    }
    // Over TLS no write is done at once.
    this.#awaitsWrite = true;
    this.#writer.whole(head, body, close || this.#mustClose(), (error) => {
      this.#onWritten(error);
    });
  }

  begin(head: ResponseHead, close: boolean, more: boolean): void {
    this.#writer.begin(head, close || this.#mustClose(), more);
  }

  body(data: Buffer, more: boolean): void {
    this.#writer.body(data, more);
  }

  end(trailers: string | null): void {
    this.#writer.end(trailers);
  }

  /** An answer of the proxy's own; it also ends the request. */
  answer(own: OwnAnswer, { close, bodyless = false }: { close: boolean; bodyless?: boolean }): void {
    const ends = close || this.#mustClose();
    if (!this.gone) this.#socket.write(writeOwn(own, { close: ends, bodyless, hsts: this.#writer.hsts }), "latin1");
    this.whenAnswered(ends);
  }

  /** The answer is out; the next request may be looked at. */
  whenAnswered(close: boolean): void {
    if (this.#input.length === 0) this.#copy?.forget();
    this.#exchange = null;
    this.#body = null;
    this.#writer.forget();
    this.#inRequest = false;
    this.#answered = true;
    this.#movedAt = Date.now();
    if (this.gone) return;
    if (close || this.#writer.closes) {
      this.#endGently();
      return;
    }
    this.#resume();
    if (this.#input.length > 0) this.#process();
    else if (this.halfClosed) this.#socket.end();
  }

  /** The client must see that its answer is not whole (or it is gone anyway). */
  abort(): void {
    this.#exchange = null;
    this.#inRequest = false;
    if (this.gone) return;
    // Over TLS the missing close_notify says it (RFC 9112 section 9.8), and Node cannot reset such a socket.
    if (this.secure) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  switchTo(head: ResponseHead): void {
    this.#writer.switched(head);
  }

  raw(data: Buffer): void {
    this.#socket.write(data);
  }

  endRaw(): void {
    this.#socket.end();
  }

  closeTunnel(): void {
    this.#exchange = null;
    this.#inRequest = false;
    this.#endGently();
  }

  // --- the worker's timer and end ---

  sweep(now: number): void {
    const { limits } = this.#host;
    const idle = now - this.#movedAt;
    if (this.#linger !== null) {
      if (this.#linger.isOver(now, idle)) this.#socket.destroy();
    } else if (this.#exchange !== null) {
      this.#exchange.sweep(now);
    } else if (this.#inRequest) {
      if (performance.now() - this.requestBeganAt > limits.headTimeoutMs)
        this.#refuse(refusal(408, "the request did not arrive in time"));
    } else if (idle > (this.#answered ? limits.clientKeepAliveMs : limits.headTimeoutMs)) {
      this.#endGently();
    }
  }

  /** Every answer says from now on that it is the last. */
  drain(): void {}

  /** Ends a connection between two requests. */
  close(): void {
    this.#endGently();
  }

  // --- input ---

  #onWritten(error: Error | null | undefined): void {
    this.#awaitsWrite = false;
    const callback = this.#whenWritten;
    this.#whenWritten = null;
    if (error === null || error === undefined) callback?.();
  }

  /** Passes what waits here on to the exchange, as far as it belongs to its request. */
  #feed(): void {
    const exchange = this.#exchange;
    if (exchange?.wantsData !== true) return;
    this.#own();
    const data = this.#input;
    this.#input = NOTHING;
    if (exchange.tunnel !== null) {
      exchange.tunnel.onClientRaw(data);
      return;
    }
    const used = this.#body?.take(data, exchange) ?? null;
    if (used === null) exchange.onRequestBroken();
    else if (used < data.length && this.#linger === null) this.#input = data.subarray(used);
    this.#giveCopyBack();
  }

  #giveCopyBack(): void {
    if (this.#copy !== null && this.#input.length === 0 && this.#exchange?.isSentOn() === true) this.#copy.giveBack();
  }

  /** Input that stays is kept in memory of its own. */
  #own(): void {
    if (!this.#inputLent) return;
    this.#inputLent = false;
    if (this.#input.length === 0) return;
    this.#copy ??= new LentCopy();
    this.#input = this.#copy.of(this.#input);
  }

  #resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (this.#exchange === null && this.#linger === null && !this.gone && this.#input.length > 0) {
      if (!this.#next()) break;
    }
    this.#processing = false;
    if (this.halfClosed && this.#exchange === null && this.#linger === null && !this.gone) this.#endHalfClosed();
  }

  /** Nothing more comes: what is left is no whole request. */
  #endHalfClosed(): void {
    if (this.#inRequest) this.#abortRequest();
    else this.#socket.end();
  }

  /** Takes the next request out of the input; false if it is not all there. */
  #next(): boolean {
    if (!this.#inRequest) {
      if (!this.#skipEmptyLines()) return false;
      this.#begin();
    }
    const input = this.#input;
    const end = input.indexOf(HEAD_END, Math.max(0, this.#searched - 3), "latin1");
    if (end < 0 || end > this.#host.limits.headBytesMax) return this.#awaitHead(input);
    const after = end + HEAD_END.length;
    if (after === PREFACE_HEAD.length && this.#startsHttp2()) return false;
    const head = parseRequestHead(input.toString("latin1", 0, after), this.#host.limits);
    this.#input = after === input.length ? NOTHING : input.subarray(after);
    if (isRefusal(head)) this.#refuse(head);
    else this.#route(head);
    return true;
  }

  #route(head: RequestHead): void {
    const route = this.#router.route(head, this.#book, this);
    this.#book = route.book;
    const app = isRefusal(route) ? null : route.app;
    this.#writer.hsts = this.secure && app !== null ? app.hsts : "";
    const own = ownAnswer(head, this, app, this.#host.challenges.http);
    if (own !== null) this.#answerOwn(head, own, app);
    else if (isRefusal(route)) this.#turnAway(head, route);
    else this.#exchangeOn(head, route);
  }

  /** A body is not read: the connection ends. */
  #answerOwn(head: RequestHead, own: OwnAnswer, app: RoutedApp | null): void {
    const column = own.column ?? "served";
    this.#book.end(NO_RELEASE, column, own.status);
    if (app !== null) traceOf(app, this, head)?.end(NO_RELEASE, column, own.status);
    this.answer(own, { close: head.body !== 0 || !head.keepAlive, bodyless: head.method === "HEAD" });
  }

  /** HTTP/2 with prior knowledge, where the app wants it (RFC 9113 section 3.3). */
  #startsHttp2(): boolean {
    if (!this.#router.speaksHttp2 || this.#input.toString("latin1", 0, PREFACE_HEAD.length) !== PREFACE_HEAD) return false;
    this.#book.cancel();
    this.#inRequest = false;
    this.#successor = this.#host.serveHttp2(this.#socket, { router: this.#router, secure: this.secure }, this);
    const input = this.#input;
    this.#input = NOTHING;
    this.#successor.onData(input, this.#inputLent);
    return true;
  }

  #exchangeOn(head: RequestHead, route: Route): void {
    this.#writer.expect(head);
    this.#body = head.body === 0 ? null : new RequestBody(head.body, this.#host.limits);
    this.#exchange = new Exchange(this, route, head, this.#host.limits);
    this.#exchange.start();
  }

  #begin(): void {
    this.#inRequest = true;
    this.#writer.hsts = "";
    this.#searched = 0;
    this.requestBeganAt = performance.now();
    this.#book = this.#router.begin();
  }

  /** Some clients send an empty line after a body (RFC 9112 section 2.2). */
  #skipEmptyLines(): boolean {
    let at = 0;
    while (this.#input[at] === CR && this.#input[at + 1] === LF && this.#emptyLines < this.#host.limits.leadingEmptyLinesMax) {
      at += 2;
      this.#emptyLines += 1;
    }
    if (at > 0) this.#input = this.#input.subarray(at);
    if (this.#input.length === 0 || (this.#input.length === 1 && this.#input[0] === CR)) return false;
    this.#emptyLines = 0;
    return true;
  }

  /** What can be seen to be wrong is refused before the head is complete. */
  #awaitHead(input: Buffer): boolean {
    const problem = partialHeadProblem(input, this.#searched, this.#host.limits);
    if (problem !== null) this.#refuse(problem);
    this.#searched = input.length;
    return false;
  }

  #refuse({ status, reason }: Refusal): void {
    this.#book.end(NO_RELEASE, "refused", status);
    this.answer(errorAnswer(status, reason), { close: true });
  }

  /** A valid request that no app takes: the next one on this connection may be another's. */
  #turnAway({ method, body, keepAlive }: RequestHead, { status, reason }: Unrouted): void {
    this.#book.end(NO_RELEASE, "refused", status);
    this.answer(errorAnswer(status, reason), { close: body !== 0 || !keepAlive, bodyless: method === "HEAD" });
  }

  #onEnd(): void {
    if (this.#successor !== null) return;
    this.halfClosed = true;
    if (this.#linger !== null) this.#socket.destroy();
    else if (this.#exchange !== null) this.#exchange.onClientEnd();
    else if (this.#inRequest) this.#abortRequest();
    else this.#socket.end();
  }

  /** The client left in the middle of a head. */
  #abortRequest(): void {
    this.#book.end(NO_RELEASE, "clientGone", 0);
    this.#inRequest = false;
    this.#socket.end();
  }

  #onClose(): void {
    this.gone = true;
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange !== null) exchange.onClientClose();
    else if (this.#inRequest && this.#linger === null) this.#abortRequest();
    this.#host.closed(this);
  }

  /** Sends FIN, then reads on for a while: closing at once would reset the connection and take the answer with it. */
  #endGently(): void {
    if (this.#linger !== null || this.gone) return;
    this.#movedAt = Date.now();
    this.#linger = new Linger(this.#movedAt, this.#host.limits);
    this.#input = NOTHING;
    this.#socket.end();
    if (this.halfClosed) return;
    this.#socket.resume();
  }
}
