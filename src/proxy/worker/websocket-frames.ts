import { randomBytes } from "node:crypto";

const NOTHING = Buffer.alloc(0);
const OPCODE = 0x0f;
const CLOSE = 0x8;
const CONTROL = 0x8;
const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH = 0x7f;
const HEADER_BYTES_MAX = 14;

/** A close frame without a reason (RFC 6455 section 5.5.1), as a server sends it. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([FINAL | CLOSE, 2, code >> 8, code & 0xff]);
}

/** As a client sends it: masked (section 5.3). */
export function maskedCloseFrame(code: number): Buffer {
  const mask = randomBytes(4);
  return Buffer.from([FINAL | CLOSE, MASKED | 2, ...mask, (code >> 8) ^ (mask[0] ?? 0), (code & 0xff) ^ (mask[1] ?? 0)]);
}

/**
 * One direction of a WebSocket. Follows the frames (RFC 6455 section 5.2) without looking into them, so that a close frame can be put between
 * two of them. After that nothing more is passed on.
 */
export class WebSocketFrames {
  /** A close frame has begun to go through, the peer's own or ours: nothing that counts comes after it. */
  closed = false;
  readonly #header = Buffer.alloc(HEADER_BYTES_MAX);
  #headerBytes = 0;
  #payloadLeft = 0;
  /** More fragments of a message follow (section 5.4). */
  #inMessage = false;
  /** Put in at the next boundary. */
  #pending: Buffer | null = null;
  #cutsMessages = false;
  /** Takes the place of the peer's own close frame. */
  #instead: Buffer | null = null;
  #shut = false;

  /** What of the data is to be passed on. */
  take(data: Buffer): Buffer {
    if (this.#shut) return NOTHING;
    if (this.closed) return data;
    for (let at = 0; at < data.length;) {
      const put = this.#atBoundary() ? this.#putBefore(data[at] ?? 0) : null;
      if (put !== null) return at === 0 ? put : Buffer.concat([data.subarray(0, at), put]);
      at = this.#payloadLeft > 0 ? this.#skip(data, at) : this.#takeHeader(data, at);
    }
    if (this.#pending === null || !this.#mayPut()) return data;
    return Buffer.concat([data, this.#shutWith(this.#pending)]);
  }

  /**
   * Closes this direction with our frame: now, if what is given back is not empty, else at the end of the message that is under way; of the
   * frame, if it `cutsMessages`.
   */
  close(frame: Buffer, { cutsMessages = false } = {}): Buffer {
    if (this.closed) return NOTHING;
    this.#pending = frame;
    this.#cutsMessages = cutsMessages;
    return this.#mayPut() ? this.#shutWith(frame) : NOTHING;
  }

  /** When the peer closes, this frame is passed on in the place of its own. */
  closeInstead(frame: Buffer): void {
    this.#instead = frame;
  }

  #atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0;
  }

  #mayPut(): boolean {
    return this.#atBoundary() && (this.#cutsMessages || !this.#inMessage);
  }

  /** What goes out before a frame that begins with this byte, and ends the direction. */
  #putBefore(first: number): Buffer | null {
    if (this.#pending !== null && this.#mayPut()) return this.#shutWith(this.#pending);
    if ((first & OPCODE) !== CLOSE) return null;
    this.closed = true;
    return this.#instead === null ? null : this.#shutWith(this.#instead);
  }

  #shutWith(frame: Buffer): Buffer {
    this.closed = true;
    this.#shut = true;
    return frame;
  }

  #skip(data: Buffer, at: number): number {
    const bytes = Math.min(this.#payloadLeft, data.length - at);
    this.#payloadLeft -= bytes;
    return at + bytes;
  }

  #takeHeader(data: Buffer, at: number): number {
    this.#header[this.#headerBytes] = data[at] ?? 0;
    this.#headerBytes += 1;
    if (this.#headerBytes === this.#headerLength()) {
      this.#headerBytes = 0;
      this.#payloadLeft = this.#payloadLength();
      const first = this.#header[0] ?? 0;
      if ((first & CONTROL) === 0) this.#inMessage = (first & FINAL) === 0;
    }
    return at + 1;
  }

  #headerLength(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header[1] ?? 0;
    const length = second & LENGTH;
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    return 2 + extended + ((second & MASKED) === 0 ? 0 : 4);
  }

  #payloadLength(): number {
    const length = (this.#header[1] ?? 0) & LENGTH;
    if (length === 126) return this.#header.readUInt16BE(2);
    if (length === 127) return this.#header.readUInt32BE(2) * 2 ** 32 + this.#header.readUInt32BE(6);
    return length;
  }
}
