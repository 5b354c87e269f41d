import type { Frame } from "./frame-reader.ts";
import { HpackDecoder, type DecoderLimits, type FieldList } from "./hpack/decoder.ts";
import { CODE, FLAG, FRAME, HEADER_TABLE_BYTES } from "./protocol.ts";

/** Frames that one block may come in; more of them are an attack (CVE-2024-27316). */
const FRAMES_MAX = 64;
/** Stream and weight (RFC 9113 section 6.2). */
const PRIORITY_BYTES = 5;

export interface HeaderBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly list: FieldList;
}

/** Puts the header blocks of a connection together, from HEADERS and CONTINUATION frames, and reads them. */
export class HeaderBlocks {
  readonly #decoder: HpackDecoder;
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Of the block that is not whole; 0 for none. */
  #stream = 0;
  #endStream = false;

  constructor(limits: DecoderLimits) {
    this.#decoder = new HpackDecoder(HEADER_TABLE_BYTES, limits);
    // What is a little too long is read and answered with 431.
    this.#bytesMax = 2 * limits.listBytesMax;
  }

  /** Between the first and the last frame of a block, where nothing else may come. */
  get isWithin(): boolean {
    return this.#stream !== 0;
  }

  /** The block, null while it is not whole, or the error code by which the connection ends. */
  take(frame: Frame): HeaderBlock | number | null {
    const part = frame.type === FRAME.headers ? fragmentOf(frame) : frame.payload;
    if (part === null || frame.stream === 0) return CODE.protocol;
    if (frame.type === FRAME.headers) this.#endStream = (frame.flags & FLAG.endStream) !== 0;
    else if (frame.stream !== this.#stream) return CODE.protocol;
    const isLast = (frame.flags & FLAG.endHeaders) !== 0;
    if (isLast && this.#parts.length === 0) return this.#read(frame.stream, part);
    this.#stream = frame.stream;
    this.#parts.push(frame.lent ? Buffer.from(part) : part);
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax || this.#parts.length > FRAMES_MAX) return CODE.enhanceYourCalm;
    return isLast ? this.#read(frame.stream, Buffer.concat(this.#parts)) : null;
  }

  #read(stream: number, block: Buffer): HeaderBlock | number {
    this.#parts = [];
    this.#bytes = 0;
    this.#stream = 0;
    const list = this.#decoder.decode(block);
    return list === null ? CODE.compression : { stream, endStream: this.#endStream, list };
  }
}

/** Without padding and priority; null where they are more than there is. */
function fragmentOf({ flags, payload }: Frame): Buffer | null {
  const isPadded = (flags & FLAG.padded) !== 0;
  const start = (isPadded ? 1 : 0) + ((flags & FLAG.priority) === 0 ? 0 : PRIORITY_BYTES);
  const end = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  if (start > end) return null;
  return start === 0 && end === payload.length ? payload : payload.subarray(start, end);
}
