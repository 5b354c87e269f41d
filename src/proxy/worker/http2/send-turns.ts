import type { LinkedStream } from "./client-link.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { SendWindow } from "./send-window.ts";

/** Whose turn it is among the streams of one connection that cannot send all they have, and who waits to be told that they can. */
export class SendTurns {
  readonly #writer: FrameWriter;
  /** What the client lets us send, over all streams. */
  readonly #window: SendWindow;
  /** They have more to send than could be sent, and take turns. */
  #waiting: LinkedStream[] = [];
  /** Their instances were told to wait. */
  #clogged: LinkedStream[] = [];
  /** They ask to be told when everything has been written. */
  #unwritten: LinkedStream[] = [];

  constructor(writer: FrameWriter, window: SendWindow) {
    this.#writer = writer;
    this.#window = window;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Those that wait for a write, also when they are over. */
  get unwritten(): readonly LinkedStream[] {
    return this.#unwritten;
  }

  wait(stream: LinkedStream): void {
    if (!this.#waiting.includes(stream)) this.#waiting.push(stream);
  }

  noteClogged(stream: LinkedStream): void {
    if (!this.#clogged.includes(stream)) this.#clogged.push(stream);
  }

  noteUnwritten(stream: LinkedStream): void {
    this.#unwritten.push(stream);
  }

  /** Sends what waits, as far as the client takes it: a frame of each in turn. */
  pump(): void {
    while (this.#waiting.length > 0 && this.#window.left > 0 && !this.#writer.isClogged) {
      const stream = this.#waiting.shift();
      if (stream?.sendFrame() === true) this.#waiting.push(stream);
    }
    if (this.#clogged.length === 0 || this.#writer.isClogged) return;
    const clogged = this.#clogged;
    this.#clogged = clogged.filter((stream) => !stream.isFree);
    for (const stream of clogged) if (stream.isFree) stream.onFree();
  }

  /** Something has been handed to the kernel. */
  onWritten(): void {
    if (this.#unwritten.length > 0) {
      const unwritten = this.#unwritten;
      this.#unwritten = unwritten.filter((stream) => !stream.isFlushed());
      for (const stream of unwritten) if (stream.isFlushed()) stream.onWritten();
    }
    if (this.#waiting.length > 0 || this.#clogged.length > 0) this.pump();
  }

  clear(): void {
    this.#waiting = [];
    this.#clogged = [];
    this.#unwritten = [];
  }
}
