import { splitInline } from "./inline.ts";
import { parseNumber } from "./integer.ts";

/** What a client sent is not RESP: it is told so and the connection ends, as with Redis. */
export class ProtocolError extends Error {}

export interface ReaderLimits {
  /** The longest single argument, in bytes. */
  readonly argumentBytesMax: number;
  /** All arguments of one command together, in bytes. */
  readonly commandBytesMax: number;
}

/** Redis' own limits (PROTO_INLINE_MAX_SIZE; what a client may send before it has given a password). */
const LINE_MAX = 65_536;
const RESTRICTED_ARGUMENTS = 10;
const RESTRICTED_BYTES = 16_384;
const ARGUMENTS_MAX = 1_048_576;
const NOTHING = Buffer.alloc(0);
const KEEP_AT_LEAST = 1_024;
const [CR, LF, STAR, DOLLAR] = [13, 10, 42, 36];

/**
 * Reads commands from what a connection sends, in pieces of any size. Arguments are strings in which each character is one byte (latin1):
 * they are exact for any bytes, and V8 keeps them as such. A length that is only announced takes no memory.
 */
export class CommandReader {
  /** Until the client has given its password it may send only little. */
  restricted = false;
  readonly #limits: ReaderLimits;
  #input: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #owned = false;
  #arguments: string[] = [];
  /** Arguments that are still to come; 0 between commands. */
  #missing = 0;
  /** The length of the argument that comes next; -1 while it is not known. */
  #length = -1;
  #bytes = 0;

  constructor(limits: ReaderLimits) {
    this.#limits = limits;
  }

  /** Bytes that wait to be read or to be completed. */
  get pending(): number {
    return this.#end - this.#at + this.#bytes;
  }

  /** `chunk` is only lent: call `next` until it gives null, or `keep`, before it is overwritten. */
  feed(chunk: Buffer): void {
    if (this.#at === this.#end) {
      this.#input = chunk;
      this.#at = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    this.#own(chunk.length);
    chunk.copy(this.#input, this.#end);
    this.#end += chunk.length;
  }

  /** Makes what is left over its own. */
  keep(): void {
    if (this.#at === this.#end) {
      this.#input = NOTHING;
      this.#at = this.#end = 0;
      this.#owned = false;
    } else this.#own(0);
  }

  /** The next whole command, or null when more has to come. @throws ProtocolError */
  next(): string[] | null {
    for (;;) {
      if (this.#missing === 0 && !this.#begin()) return null;
      if (this.#missing > 0) {
        while (this.#missing > 0) if (!this.#readArgument()) return null;
      }
      if (this.#arguments.length > 0) {
        const command = this.#arguments;
        this.#arguments = [];
        this.#bytes = 0;
        return command;
      }
    }
  }

  /** What has come of commands that were not given out, as bytes for another reader. */
  rest(): Buffer {
    const tail = this.#input.subarray(this.#at, this.#end);
    if (this.#missing === 0) return Buffer.from(tail);
    const count = this.#arguments.length + this.#missing;
    const whole = this.#arguments.map((argument) => `$${argument.length}\r\n${argument}\r\n`).join("");
    const begun = this.#length < 0 ? "" : `$${this.#length}\r\n`;
    return Buffer.concat([Buffer.from(`*${count}\r\n${whole}${begun}`, "latin1"), tail]);
  }

  /** Reads what stands before the arguments, or a whole inline command. False when more has to come. */
  #begin(): boolean {
    if (this.#at === this.#end) return false;
    if (this.#input[this.#at] !== STAR) return this.#readInline();
    const line = this.#readLine("too big mbulk count string");
    if (line === null) return false;
    const count = parseNumber(line.slice(1));
    if (count === null || count > ARGUMENTS_MAX) throw new ProtocolError("invalid multibulk length");
    if (this.restricted && count > RESTRICTED_ARGUMENTS) throw new ProtocolError("unauthenticated multibulk length");
    this.#missing = Math.max(0, count);
    return true;
  }

  #readInline(): boolean {
    const end = this.#input.subarray(0, this.#end).indexOf(LF, this.#at);
    if (end < 0) {
      if (this.#end - this.#at > LINE_MAX) throw new ProtocolError("too big inline request");
      return false;
    }
    const line = this.#input.toString("latin1", this.#at, end > this.#at && this.#input[end - 1] === CR ? end - 1 : end);
    this.#at = end + 1;
    const words = splitInline(line);
    if (words === null) throw new ProtocolError("unbalanced quotes in request");
    this.#arguments = words;
    return true;
  }

  #readArgument(): boolean {
    if (this.#length < 0) {
      const line = this.#readLine("too big bulk count string");
      if (line === null) return false;
      this.#length = this.#lengthIn(line);
    }
    const end = this.#at + this.#length;
    if (end + 2 > this.#end) return false;
    this.#arguments.push(this.#input.toString("latin1", this.#at, end));
    this.#bytes += this.#length;
    this.#at = end + 2;
    this.#length = -1;
    this.#missing -= 1;
    return true;
  }

  #lengthIn(line: string): number {
    if (line.charCodeAt(0) !== DOLLAR) throw new ProtocolError(`expected '$', got '${line.charAt(0)}'`);
    const length = parseNumber(line.slice(1));
    if (length === null || length < 0 || length > this.#limits.argumentBytesMax) throw new ProtocolError("invalid bulk length");
    if (this.restricted && length > RESTRICTED_BYTES) throw new ProtocolError("unauthenticated bulk length");
    if (this.#bytes + length > this.#limits.commandBytesMax) throw new ProtocolError("too big command");
    return length;
  }

  /** Up to CR, which LF must follow (not looked at, as in Redis). Null when more has to come. */
  #readLine(tooLong: string): string | null {
    const input = this.#input;
    const from = this.#at;
    for (let at = from; at < this.#end; at += 1) {
      if (input[at] !== CR) continue;
      if (at + 1 >= this.#end) return null;
      this.#at = at + 2;
      return input.toString("latin1", from, at);
    }
    if (this.#end - from > LINE_MAX) throw new ProtocolError(tooLong);
    return null;
  }

  /** A buffer of its own that has room for so many bytes more; grows by doubling, with what has really come. */
  #own(more: number): void {
    const held = this.#end - this.#at;
    if (this.#owned && this.#end + more <= this.#input.length) return;
    const fits = this.#owned && held + more <= this.#input.length && this.#at >= held;
    const target = fits ? this.#input : Buffer.allocUnsafeSlow(Math.max(KEEP_AT_LEAST, (held + more) * (this.#owned ? 2 : 1)));
    this.#input.copy(target, 0, this.#at, this.#end);
    this.#input = target;
    this.#at = 0;
    this.#end = held;
    this.#owned = true;
  }
}
