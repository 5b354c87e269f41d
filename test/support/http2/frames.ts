/** Frame types, flags and error codes of RFC 9113 that the tests use. */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const CODE = { none: 0, protocol: 1, internal: 2, refused: 7, cancel: 8, calm: 11 } as const;
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEAD = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer | readonly number[] = []): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Takes the first frame off, or gives null while it is not all there. */
export function readFrame(input: Buffer): { frame: Frame; rest: Buffer } | null {
  if (input.length < FRAME_HEAD) return null;
  const end = FRAME_HEAD + input.readUIntBE(0, 3);
  if (input.length < end) return null;
  const stream = input.readUInt32BE(5) & 0x7fffffff;
  return {
    frame: { type: input[3]!, flags: input[4]!, stream, payload: input.subarray(FRAME_HEAD, end) },
    rest: input.subarray(end),
  };
}

/** HPACK as literals that are never indexed (RFC 7541 section 6.2.2), so that a field may be anything at all; latin1. */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** With a prefix of 7 bits (RFC 7541 section 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

const STATIC_STATUS: Readonly<Record<number, number>> = { 8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500 };

/** The status of an answer's first field block on a connection, or of one that names it anew; null for a block without one (trailers). */
export function statusOf(block: Buffer): number | null {
  let at = 0;
  while ((block[at]! & 0xe0) === 0x20) at += 1;
  const first = block[at]!;
  if ((first & 0x80) !== 0) return STATIC_STATUS[first & 0x7f] ?? null;
  const index = (first & 0x40) === 0 ? first & 0x0f : first & 0x3f;
  if (index < 8 || index > 14) return null;
  const length = block[at + 1]!;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString("latin1") : huffmanDigits(value));
}

/** RFC 7541 appendix B: 0, 1 and 2 have five bits, the other digits six. */
function huffmanDigits(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  for (let at = 0; digits.length < 3;) {
    const short = parseInt(bits.slice(at, at + 5), 2);
    digits += short <= 2 ? String(short) : String(parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3);
    at += short <= 2 ? 5 : 6;
  }
  return digits;
}
