import { FRAME_BYTES, FRAME_HEAD_BYTES } from "./protocol.ts";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
  /** The payload is only good for the length of the call. */
  readonly lent: boolean;
}

export interface FrameSink {
  /** False: nothing more is wanted. */
  onFrame(frame: Frame): boolean;
  onFrameTooLong(): void;
}

/** Finds the frames in what a client sends (RFC 9113 section 4.1). Keeps at most one that is not whole. */
export class FrameReader {
  #rest: Buffer | null = null;

  /** A frame has begun and is not whole. */
  get isWithin(): boolean {
    return this.#rest !== null;
  }

  take(data: Buffer, lent: boolean, sink: FrameSink): void {
    const input = this.#rest === null ? data : Buffer.concat([this.#rest, data]);
    const isLent = lent && this.#rest === null;
    this.#rest = null;
    let at = 0;
    while (input.length - at >= FRAME_HEAD_BYTES) {
      const length = input.readUIntBE(at, 3);
      if (length > FRAME_BYTES) {
        sink.onFrameTooLong();
        return;
      }
      const begin = at + FRAME_HEAD_BYTES;
      if (begin + length > input.length) break;
      const frame: Frame = {
        type: input[at + 3] ?? 0,
        flags: input[at + 4] ?? 0,
        stream: input.readUInt32BE(at + 5) & 0x7fffffff,
        payload: input.subarray(begin, begin + length),
        lent: isLent,
      };
      at = begin + length;
      if (!sink.onFrame(frame)) return;
    }
    if (at < input.length) this.#rest = isLent ? Buffer.from(input.subarray(at)) : input.subarray(at);
  }
}
