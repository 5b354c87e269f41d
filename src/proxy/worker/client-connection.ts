import type { Socket } from "node:net";
import { NO_RELEASE } from "../../core/ledger.ts";
import { errorAnswer } from "./error-response.ts";
import type { SocketReader } from "./acceptor.ts";
import type { ConnectionEnds } from "../connection-ends.ts";
import { clientAddress, connectionEnds, serverNameOf } from "./client-socket.ts";
import { admit } from "./admission.ts";
import type { ClientHost, Door, OpenConnection } from "./client-host.ts";
import { ClientInput } from "./client-input.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { Linger } from "./linger.ts";
import { isRefusal, refusal, type Refusal } from "./refusal.ts";
import { RequestBody } from "./request-body.ts";
import { writeOwn, type OwnAnswer } from "./own-answer.ts";
import type { RequestHead } from "./request-head.ts";
import type { RequestBook } from "./request-book.ts";
import type { ResponseHead } from "./response-head.ts";
import { breakOff, isReset } from "./reset-socket.ts";
import { ResponseWriter } from "./response-writer.ts";
import type { Router } from "./router.ts";

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
  readonly #input: ClientInput;
  /** Within a request: from its first byte to its end. */
  #inRequest = false;
  #processing = false;
  /** It has had an answer: it may wait longer with its next request than a new one with its first. */
  #answered = false;
  #linger: Linger | null = null;
  /** Another protocol has the socket now. */
  #successor: SocketReader | null = null;
  #movedAt = Date.now();

  constructor(socket: Socket, door: Door, host: ClientHost) {
    this.#socket = socket;
    this.#writer = new ResponseWriter(socket, door.secure);
    this.remoteAddress = clientAddress(socket);
    this.secure = door.secure;
    this.#router = door.router;
    this.serverName = serverNameOf(socket);
    this.#book = door.router.book;
    this.#host = host;
    this.#input = new ClientInput(host.limits);
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
    this.#input.add(data, lent);
    if (this.#exchange === null) this.#process();
    else if (this.#exchange.wantsData) this.#feed();
    else {
      if (this.#input.length > AHEAD_BYTES_MAX) this.#socket.pause();
      this.#exchange.onWaitingInput();
    }
    if (this.#waitsWithBody()) this.#socket.pause();
    this.#input.own();
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
    this.#writer.whenFlushed(callback);
  }

  interim(head: ResponseHead): void {
    this.#writer.interim(head);
  }

  whole(head: ResponseHead, body: string, close: boolean): void {
    this.#writer.whole(head, body, close || this.#mustClose());
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
    this.#input.forgetCopy();
    this.#exchange = null;
    this.#body = null;
    this.#writer.forget();
    this.#inRequest = false;
    this.#answered = true;
    this.#movedAt = Date.now();
    if (this.gone) return;
    if (close || this.#writer.closes) {
      this.close();
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
    breakOff(this.#socket, this.secure);
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
    this.close();
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
      this.close();
    }
  }

  /** Every answer says from now on that it is the last. */
  drain(): void {}

  // --- input ---

  /** Passes what waits here on to the exchange, as far as it belongs to its request. */
  #feed(): void {
    const exchange = this.#exchange;
    if (exchange?.wantsData !== true) return;
    const data = this.#input.take();
    if (exchange.tunnel !== null) {
      exchange.tunnel.onClientRaw(data);
      return;
    }
    const used = this.#body?.take(data, exchange) ?? null;
    if (used === null) exchange.onRequestBroken();
    else if (used < data.length && this.#linger === null) this.#input.putBack(data.subarray(used));
    this.#giveCopyBack();
  }

  #giveCopyBack(): void {
    if (this.#exchange?.isSentOn() === true) this.#input.giveCopyBack();
  }

  #resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (this.#isFree() && this.#input.length > 0 && this.#next());
    this.#processing = false;
    if (this.halfClosed && this.#isFree()) this.#endHalfClosed();
  }

  /** The next request may be looked at. */
  #isFree(): boolean {
    return this.#exchange === null && this.#linger === null && !this.gone;
  }

  /** Nothing more comes: what is left is no whole request. */
  #endHalfClosed(): void {
    if (this.#inRequest) this.#abortRequest();
    else this.#socket.end();
  }

  /** Takes the next request out of the input; false if it is not all there. */
  #next(): boolean {
    if (!this.#inRequest) {
      if (!this.#input.beginsRequest()) return false;
      this.#begin();
    }
    if (this.#input.isHttp2() && this.#router.speaksHttp2) {
      this.#becomeHttp2();
      return false;
    }
    const head = this.#input.takeHead();
    if (head === null) return false;
    if (isRefusal(head)) this.#refuse(head);
    else this.#route(head);
    return true;
  }

  #route(head: RequestHead): void {
    const challenges = this.#host.challenges.http;
    const admitted = admit(head, this, { router: this.#router, book: this.#book, challenges });
    if ("own" in admitted) {
      this.#writer.hsts = admitted.hsts;
      // A body is not read: the connection ends.
      this.answer(admitted.own, { close: head.body !== 0 || !head.keepAlive, bodyless: head.method === "HEAD" });
      return;
    }
    this.#book = admitted.book;
    this.#writer.hsts = this.secure ? admitted.app.hsts : "";
    this.#writer.expect(head);
    this.#body = head.body === 0 ? null : new RequestBody(head.body, this.#host.limits);
    this.#exchange = new Exchange(this, admitted, head, this.#host.limits);
    this.#exchange.start();
  }

  /** HTTP/2 with prior knowledge, where the app wants it (RFC 9113 section 3.3). */
  #becomeHttp2(): void {
    this.#book.cancel();
    this.#inRequest = false;
    this.#successor = this.#host.serveHttp2(this.#socket, { router: this.#router, secure: this.secure }, this);
    this.#input.handOver(this.#successor);
  }

  #begin(): void {
    this.#inRequest = true;
    this.#writer.hsts = "";
    this.requestBeganAt = performance.now();
    this.#book = this.#router.begin();
  }

  #refuse({ status, reason }: Refusal): void {
    this.#book.end(NO_RELEASE, "refused", status);
    this.answer(errorAnswer(status, reason), { close: true });
  }

  #onEnd(): void {
    if (this.#successor !== null) return;
    this.halfClosed = true;
    if (this.#linger !== null) this.#socket.destroy();
    else if (this.#exchange !== null) this.#exchange.onClientEnd();
    else this.#endHalfClosed();
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
  close(): void {
    if (this.#linger !== null || this.gone) return;
    this.#movedAt = Date.now();
    this.#linger = new Linger(this.#movedAt, this.#host.limits);
    this.#input.clear();
    this.#socket.end();
    if (this.halfClosed) return;
    this.#socket.resume();
  }
}
