import { connect, type Socket } from "node:net";
import type { Limits } from "./limits.ts";
import { MessageWriter } from "./message-writer.ts";
import { ReadBuffer } from "./read-buffer.ts";
import { requestFraming } from "./request-framing.ts";
import type { RequestHead } from "./request-head.ts";
import { ResponseReader } from "./response-reader.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";

interface Way {
  readonly host: string;
  readonly port: number;
  /** Sent before everything else, as latin1. */
  readonly preface: string;
}

/**
 * One HTTP/1.1 connection to an instance. Its listeners are set once for its life and look up who uses it now. Whatever arrives while nobody
 * does makes it useless: an answer nobody asked for must never reach the next client (RFC 9112 section 9.2).
 */
export class UpstreamConnection implements Upstream {
  user: UpstreamUser | null = null;
  connected = false;
  reused = false;
  idleSince = 0;
  readonly refused = null;
  readonly preface: string;
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  readonly #writer: MessageWriter;
  readonly #input = new ReadBuffer();
  readonly #onClosed: (connection: UpstreamConnection) => void;
  #spoilt = false;
  /** What was read last waits to be written to the client. */
  #pending = false;

  constructor({ host, port, preface }: Way, limits: Limits, onClosed: (connection: UpstreamConnection) => void) {
    this.#onClosed = onClosed;
    this.preface = preface;
    this.#reader = new ResponseReader(limits);
    const onread = {
      // Null keeps the present buffer; the type does not say so (see ReadBuffer).
      buffer: () =>
        this.#input.next({
          streaming: this.#reader.isStreaming,
          pending: this.#pending,
          // Node asks for the first time while it makes the socket.
          paused: this.connected && this.#socket.isPaused(),
        }) as Buffer,
      callback: (bytes: number, buffer: Uint8Array) => this.#onData((buffer as Buffer).subarray(0, bytes)),
    };
    this.#socket = connect({ host, port, noDelay: true, autoSelectFamily: false, allowHalfOpen: true, onread });
    this.#writer = new MessageWriter(this.#socket);
    this.#socket.on("connect", () => {
      this.connected = true;
      if (preface !== "") this.#socket.write(preface, "latin1");
      this.user?.onUpstreamConnect();
    });
    this.#socket.on("end", () => {
      this.#onEnd();
    });
    this.#socket.on("drain", () => this.user?.onUpstreamDrain());
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.#onClose();
    });
  }

  get began(): boolean {
    return this.#reader.began;
  }

  get reusable(): boolean {
    return this.#reader.reusable && this.isUsable();
  }

  get idleHintMs(): number | null {
    return this.#reader.idleHintMs;
  }

  isUsable(): boolean {
    return !this.#spoilt && !this.#socket.destroyed && this.#socket.writable;
  }

  sendHead(head: RequestHead, fields: string, more: boolean): void {
    this.#reader.expect(head);
    this.#writer.head(`${head.forward}${requestFraming(head)}${fields}\r\n`, head.body === "chunked", more);
  }

  sendBody(data: Buffer, more: boolean): void {
    this.#writer.body(data, more);
  }

  endBody(): void {
    this.#writer.end(null);
  }

  flush(): void {
    this.#writer.flush();
  }

  sendRaw(data: Buffer): void {
    this.#socket.write(data);
  }

  endRaw(): void {
    this.#socket.end();
  }

  isClogged(): boolean {
    return this.#socket.writableNeedDrain;
  }

  isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#spoilt = true;
    this.#socket.destroy();
  }

  #onData(data: Buffer): boolean {
    const { user } = this;
    if (user === null) this.destroy();
    else {
      this.#reader.take(data, this.#input.isLent, user);
      // Its answer may be over by now, and it may have left.
      this.#pending = !user.isPassedOn();
      this.#reader.whenWritten(!this.#pending);
    }
    return true;
  }

  #onEnd(): void {
    this.#spoilt = true;
    if (this.user === null || !this.#reader.began) this.destroy();
    else this.#reader.end(this.user);
  }

  #onClose(): void {
    this.#spoilt = true;
    const { user } = this;
    this.user = null;
    this.#onClosed(this);
    user?.onUpstreamClose();
  }
}
