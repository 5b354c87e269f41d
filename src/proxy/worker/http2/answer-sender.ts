import { AnswerQueue } from "./answer-queue.ts";
import type { ClientLink, LinkedStream } from "./client-link.ts";
import { SendWindow } from "./send-window.ts";

/** Sends one answer as frames, as far as the windows of its stream and of the connection let it; the rest waits. */
export class AnswerSender {
  /** What the client lets us send on the stream. */
  readonly window: SendWindow;
  /** END_STREAM has been sent. */
  isEnded = false;
  readonly #stream: LinkedStream;
  readonly #link: ClientLink;
  readonly #onEnded: () => void;
  readonly #queue = new AnswerQueue();
  /** The header block of the trailers; empty for none. */
  #trailers = "";
  /** Nothing is added to the queue any more. */
  #ending = false;
  #dropped = false;
  /** When its last frame was given to the writer. */
  #mark = 0;

  constructor(stream: LinkedStream, link: ClientLink, { windowBytes, onEnded }: { windowBytes: number; onEnded: () => void }) {
    this.#stream = stream;
    this.#link = link;
    this.#onEnded = onEnded;
    this.window = new SendWindow(windowBytes);
  }

  /** What waits to be sent. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Everything there is of it has been handed to the kernel. */
  isFlushed(): boolean {
    const isSent = this.#queue.bytes === 0 && this.isEnded === this.#ending;
    return isSent && this.#link.writer.isWritten(this.#mark);
  }

  head(block: string): void {
    this.#headers(block, false);
  }

  whole(block: string, body: string): void {
    this.#ending = true;
    this.#headers(block, body === "");
    if (body === "") return;
    this.#queue.push(body);
    this.send();
  }

  body(data: Buffer): void {
    this.#queue.push(data);
    this.send();
    // Its memory is used again as soon as it has been written.
    if (this.#queue.bytes === 0) this.#link.writer.flushLarge();
  }

  /** `trailers`: a header block, empty for none. */
  end(trailers: string): void {
    this.#trailers = trailers;
    this.#ending = true;
    this.send();
  }

  /** Sends what it can now; the rest waits its turn. */
  send(): void {
    const { writer, window, hasWaiting } = this.#link;
    if (!hasWaiting) while (window.left > 0 && !writer.isClogged && this.sendFrame());
    if (this.#queue.bytes > 0 && this.window.left > 0) this.#link.wait(this.#stream);
    else this.#sendEnd();
  }

  /** One frame of the body. False: there is nothing that may be sent. */
  sendFrame(): boolean {
    const { writer, window } = this.#link;
    const max = Math.min(this.window.left, window.left, writer.frameBytesMax);
    if (this.#dropped || this.#queue.bytes === 0 || max === 0) return false;
    const part = this.#queue.take(max);
    this.window.take(part.length);
    window.take(part.length);
    const isLast = this.#queue.bytes === 0 && this.#ending && this.#trailers === "";
    writer.data(this.#stream.number, part, isLast);
    this.#mark = writer.mark;
    if (isLast) this.#whenEnded();
    else if (this.#queue.bytes === 0) this.#sendEnd();
    return this.#queue.bytes > 0 && this.window.left > 0;
  }

  /** Nobody is there any more who could get it. */
  drop(): void {
    this.#dropped = true;
    this.#queue.clear();
  }

  #headers(block: string, endStream: boolean): void {
    const { writer } = this.#link;
    writer.headers(this.#stream.number, block, endStream);
    this.#mark = writer.mark;
    if (endStream) this.#whenEnded();
  }

  #sendEnd(): void {
    if (!this.#ending || this.isEnded || this.#dropped || this.#queue.bytes > 0) return;
    if (this.#trailers !== "") {
      this.#headers(this.#trailers, true);
      return;
    }
    const { writer } = this.#link;
    writer.data(this.#stream.number, "", true);
    this.#mark = writer.mark;
    this.#whenEnded();
  }

  #whenEnded(): void {
    this.isEnded = true;
    this.#onEnded();
  }
}
