import type { Socket } from "node:net";
import { afterTurn } from "../turn.ts";
import { NO_DYNAMIC_TABLE } from "./hpack/encoder.ts";
import { FLAG, FRAME, frameHead, uint32 } from "./protocol.ts";

const NOTHING = Buffer.alloc(0);
/** Up to this many bytes are joined with the frames around them: copying them is cheaper than another part of a write. */
const JOINED_BYTES = 8_192;
/** So much may wait in the socket before no more answers are written to it. */
const WAITING_BYTES_MAX = 131_072;

/**
 * Writes the frames of one connection. What comes about in one turn of the event loop, from however many instances, goes out in one write at
 * its end; so the cost of a system call is shared by all streams that have an answer just then.
 */
export class FrameWriter {
  /** The largest payload that the client takes. */
  frameBytesMax: number;
  readonly #socket: Socket;
  readonly #secure: boolean;
  readonly #onWritten: () => void;
  #text = "";
  #scheduled = false;
  /** Stands before the first block. */
  #tableSize = NO_DYNAMIC_TABLE;
  /** Counts the writes; what is put together now will be in the one of this number. */
  #batch = 1;
  #writtenBatch = 0;

  /** `onWritten`: something that was asked about has been handed to the kernel. */
  constructor(socket: Socket, { secure, frameBytesMax }: { secure: boolean; frameBytesMax: number }, onWritten: () => void) {
    this.#socket = socket;
    this.#secure = secure;
    this.frameBytesMax = frameBytesMax;
    this.#onWritten = onWritten;
  }

  /** To be asked about later (`isWritten`). */
  get mark(): number {
    return this.#batch;
  }

  /** Everything up to that mark has been handed to the kernel. */
  isWritten(mark: number): boolean {
    return mark <= this.#writtenBatch;
  }

  get isClogged(): boolean {
    return this.waitingBytes > WAITING_BYTES_MAX;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength + this.#text.length;
  }

  settings(entries: readonly (readonly [setting: number, value: number])[]): void {
    const payload = entries.map(([setting, value]) => String.fromCharCode(setting >> 8, setting & 0xff) + uint32(value)).join("");
    this.#frame(FRAME.settings, 0, 0, payload);
  }

  settingsAck(): void {
    this.#frame(FRAME.settings, FLAG.ack, 0, "");
  }

  /** `payload`: eight bytes as latin1 text. */
  ping(payload: string, flags: number): void {
    this.#frame(FRAME.ping, flags, 0, payload);
  }

  goaway(lastStream: number, code: number): void {
    this.#frame(FRAME.goaway, 0, 0, uint32(lastStream) + uint32(code));
  }

  reset(stream: number, code: number): void {
    this.#frame(FRAME.reset, 0, stream, uint32(code));
  }

  windowUpdate(stream: number, bytes: number): void {
    this.#frame(FRAME.windowUpdate, 0, stream, uint32(bytes));
  }

  /** A header block, in as many frames as it needs (RFC 9113 section 6.10). */
  headers(stream: number, fields: string, endStream: boolean): void {
    const block = this.#tableSize + fields;
    this.#tableSize = "";
    const end = endStream ? FLAG.endStream : 0;
    const max = this.frameBytesMax;
    if (block.length <= max) {
      this.#frame(FRAME.headers, end | FLAG.endHeaders, stream, block);
      return;
    }
    this.#frame(FRAME.headers, end, stream, block.slice(0, max));
    for (let at = max; at < block.length; at += max)
      this.#frame(FRAME.continuation, at + max >= block.length ? FLAG.endHeaders : 0, stream, block.slice(at, at + max));
  }

  /** One frame; the windows and the largest frame are the caller's business. */
  data(stream: number, data: Buffer | string, endStream: boolean): void {
    const flags = endStream ? FLAG.endStream : 0;
    if (typeof data === "string") this.#frame(FRAME.data, flags, stream, data);
    else if (data.length <= JOINED_BYTES) this.#frame(FRAME.data, flags, stream, data.toString("latin1"));
    else this.#large(frameHead(data.length, FRAME.data, flags, stream), data);
  }

  flush(): void {
    const text = this.#text;
    const socket = this.#socket;
    this.#text = "";
    if (socket.destroyed || (text === "" && socket.writableCorked === 0)) return;
    const batch = this.#batch;
    this.#batch += 1;
    const whenDone = (error?: Error | null): void => {
      if (error === null || error === undefined) this.#written(batch);
    };
    // Over TLS no write is done at once.
    if (this.#secure) socket.write(text, "latin1", whenDone);
    else if (text !== "") socket.write(text, "latin1");
    while (socket.writableCorked > 0) socket.uncork();
    if (this.#secure) return;
    if (socket.writableLength === 0) this.#written(batch);
    else socket.write(NOTHING, whenDone);
  }

  /** Writes at once what is too large to be joined with anything. */
  flushLarge(): void {
    if (this.#socket.writableCorked > 0) this.flush();
  }

  /** The last frames go out, then FIN. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  #written(batch: number): void {
    this.#writtenBatch = batch;
    this.#onWritten();
  }

  #frame(type: number, flags: number, stream: number, payload: string): void {
    this.#text += frameHead(payload.length, type, flags, stream) + payload;
    this.#schedule();
  }

  #large(head: string, data: Buffer): void {
    if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#socket.write(this.#text + head, "latin1");
    this.#text = "";
    this.#socket.write(data);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterTurn(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
