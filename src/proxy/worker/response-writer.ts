import type { Socket } from "node:net";
import { MessageWriter } from "./message-writer.ts";
import type { RequestHead } from "./request-head.ts";
import { isBodyless, type ResponseHead } from "./response-head.ts";

/** The proxy itself waits 75 s: a client that keeps to this never meets the closing (docs/architecture.md, limits). */
const KEEP_ALIVE = "Connection: keep-alive\r\nKeep-Alive: timeout=73\r\n";

const NOTHING = Buffer.alloc(0);
const HSTS_FIELD = /\r\nstrict-transport-security:/i;

/** Sends answers to an HTTP/1.x client, framed anew. */
export class ResponseWriter {
  /** Some byte of the final answer has been written. */
  forwarded = false;
  /** The client was told that its connection ends after this. */
  closes = false;
  /** Added to a final head that has no such field itself; empty for none. */
  hsts = "";
  readonly #socket: Socket;
  readonly #secure: boolean;
  readonly #message: MessageWriter;
  #request: RequestHead | null = null;
  /** The write of a whole answer has not come back. */
  #awaitsWrite = false;
  #whenWritten: (() => void) | null = null;

  /** `secure`: over TLS. */
  constructor(socket: Socket, secure: boolean) {
    this.#socket = socket;
    this.#secure = secure;
    this.#message = new MessageWriter(socket);
  }

  /** The next answer is the one to this request. */
  expect(request: RequestHead): void {
    this.forwarded = false;
    this.closes = false;
    this.#request = request;
  }

  /** The answer is out: a connection that waits keeps nothing of the request. */
  forget(): void {
    this.#request = null;
  }

  /** 1xx: for HTTP/1.1 clients only (RFC 9110 section 15.2). */
  interim(head: ResponseHead): void {
    if (this.#request?.minor === 1) this.#socket.write(`${head.forward}\r\n`, "latin1");
  }

  /** The whole answer at once; `body` is latin1 text. */
  whole(head: ResponseHead, body: string, mustClose: boolean): void {
    const text = this.#head(head, mustClose) + body;
    if (!this.#secure) {
      this.#socket.write(text, "latin1");
      return;
    }
    // Over TLS no write is done at once.
    this.#awaitsWrite = true;
    this.#socket.write(text, "latin1", (error) => {
      this.#onWritten(error);
    });
  }

  /** Calls back when all of the answer has been handed to the kernel; never if it could not be. */
  whenFlushed(callback: () => void): void {
    if (this.#awaitsWrite) {
      this.#whenWritten = callback;
      return;
    }
    this.#socket.write(NOTHING, (error) => {
      if (error === null || error === undefined) callback();
    });
  }

  /** `more`: a part of the body follows in the same turn. */
  begin(head: ResponseHead, mustClose: boolean, more: boolean): void {
    const text = this.#head(head, mustClose);
    this.#message.head(text, this.#isChunked(head), more);
  }

  body(data: Buffer, more: boolean): void {
    this.#message.body(data, more);
  }

  /** `trailers` are lines with their CRLF; they are for clients that asked for them (RFC 9110 section 6.5.1). */
  end(trailers: string | null): void {
    this.#message.end(this.#request?.acceptsTrailers === true ? trailers : null);
  }

  switched(head: ResponseHead): void {
    this.forwarded = true;
    this.#socket.write(`${head.forward}Connection: Upgrade\r\nUpgrade: ${head.upgrade ?? ""}\r\n\r\n`, "latin1");
  }

  #onWritten(error: Error | null | undefined): void {
    this.#awaitsWrite = false;
    const callback = this.#whenWritten;
    this.#whenWritten = null;
    if (error === null || error === undefined) callback?.();
  }

  #head(head: ResponseHead, mustClose: boolean): string {
    this.forwarded = true;
    const framing = this.#framing(head);
    this.closes ||= mustClose;
    return `${head.forward}${this.#hstsFor(head)}${framing}${this.closes ? "Connection: close\r\n" : KEEP_ALIVE}\r\n`;
  }

  #hstsFor({ forward }: ResponseHead): string {
    return this.hsts === "" || HSTS_FIELD.test(forward) ? "" : this.hsts;
  }

  #framing(head: ResponseHead): string {
    if (this.#isBodyless(head)) return bodylessFraming(head);
    if (typeof head.body === "number") return `Content-Length: ${String(head.body)}\r\n`;
    if (this.#isChunked(head)) {
      const announced = this.#request?.acceptsTrailers === true && head.trailer !== null ? `Trailer: ${head.trailer}\r\n` : "";
      return `${announced}Transfer-Encoding: chunked\r\n`;
    }
    this.closes = true;
    return "";
  }

  /** HTTP/1.0 knows no chunks: there the end of the connection is the end of the body. */
  #isChunked(head: ResponseHead): boolean {
    return this.#request?.minor === 1 && typeof head.body !== "number" && !this.#isBodyless(head);
  }

  #isBodyless(head: ResponseHead): boolean {
    return isBodyless(this.#request?.method === "HEAD", head.status);
  }
}

/** HEAD and 304 may say how long the body would be (RFC 9110 section 8.6); 204 has none. */
function bodylessFraming(head: ResponseHead): string {
  return head.length === null || head.status === 204 ? "" : `Content-Length: ${String(head.length)}\r\n`;
}
