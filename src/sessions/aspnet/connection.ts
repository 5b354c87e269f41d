import type net from "node:net";
import { encodeReply } from "./reply.ts";
import { BadRequest, RequestReader, type AspNetRequest } from "./request-reader.ts";

/** What a connection needs of its server. */
export interface AspNetHost {
  readonly contentMax: number;
  /** Requests wait: another generation is about to take over. */
  readonly holding: boolean;
  /** Runs it. `batch`: that of the log on which the answer depends; 0 if on none. */
  answer(request: AspNetRequest): { readonly bytes: Buffer; readonly batch: number };
  settled(): number;
  onClosed(connection: AspNetConnection): void;
}

interface Waiting {
  readonly batch: number;
  readonly bytes: Buffer;
}

/** A client that does not read gets no more answers made for it beyond this. */
const UNREAD_MAX = 1_048_576;

/** A web server's connection: answers its requests in their order, each not before the changes it tells of are safe. */
export class AspNetConnection {
  readonly socket: net.Socket;
  /** Since when (ms since 1970) nothing has come of a request that is not whole, and nothing been read of an answer. */
  since = Date.now();
  readonly #host: AspNetHost;
  readonly #reader: RequestReader;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #inputEnded = false;
  /** Nothing more is read: it was refused, or it is over in another process. */
  #ended = false;

  constructor(socket: net.Socket, host: AspNetHost) {
    this.socket = socket;
    this.#host = host;
    this.#reader = new RequestReader(host.contentMax);
    socket.on("drain", () => {
      this.since = Date.now();
      socket.resume();
      this.run();
    });
    socket.on("end", () => {
      this.#inputEnded = true;
      this.run();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#ended = true;
      host.onClosed(this);
    });
  }

  /** No answer is on its way. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.socket.writableLength === 0;
  }

  /** Nothing at all is on its way. */
  get isQuiet(): boolean {
    return this.isIdle && this.#reader.isEmpty;
  }

  /** Takes what the socket has read; it is only lent. */
  onData(data: Buffer): void {
    if (this.#ended) return;
    this.since = Date.now();
    this.#reader.feed(data);
    this.run();
  }

  run(): void {
    while (!this.#host.holding && !this.#ended && !this.#isFull()) {
      const request = this.#next();
      if (request === null) {
        if (this.#inputEnded) this.end();
        return;
      }
      const { bytes, batch } = this.#host.answer(request);
      this.#emit(bytes, batch);
    }
  }

  /** What waits for the log up to `batch` goes out. */
  settle(batch: number): void {
    if (this.#waiting.length === 0) return;
    while (this.#waiting[0] !== undefined && this.#waiting[0].batch <= batch) {
      const { bytes } = this.#waiting.shift() as Waiting;
      this.#waitingBytes -= bytes.length;
      this.socket.write(bytes);
    }
    if (this.#waiting.length > 0) return;
    if (this.#ended) this.socket.end();
    else if (this.socket.isPaused() && !this.socket.writableNeedDrain) this.socket.resume();
    this.run();
  }

  /** Ends when everything has been answered. */
  end(): void {
    this.#ended = true;
    if (this.#waiting.length === 0) this.socket.end();
  }

  /** Nothing is read any more; gives what was read and not run. */
  detach(): Buffer {
    this.#ended = true;
    return this.#reader.rest();
  }

  #next(): AspNetRequest | null {
    try {
      return this.#reader.next();
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      this.#emit(encodeReply({ status: 400 }), this.#waiting.at(-1)?.batch ?? 0);
      this.end();
      return null;
    }
  }

  #isFull(): boolean {
    if (this.#waitingBytes + this.socket.writableLength <= UNREAD_MAX) return false;
    this.socket.pause();
    return true;
  }

  #emit(bytes: Buffer, batch: number): void {
    if (this.#waiting.length === 0 && batch <= this.#host.settled()) {
      this.socket.write(bytes);
      return;
    }
    this.#waiting.push({ batch, bytes });
    this.#waitingBytes += bytes.length;
  }
}
