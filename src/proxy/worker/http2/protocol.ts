/** Frame types (RFC 9113 section 6). */
export const FRAME = Object.freeze({
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
});

export const FLAG = Object.freeze({ endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 });

/** Error codes (RFC 9113 section 7). */
export const CODE = Object.freeze({
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
});

/** Settings (RFC 9113 section 6.5.2). */
export const SETTING = Object.freeze({
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
});

export const FRAME_HEAD_BYTES = 9;
/** The smallest SETTINGS_MAX_FRAME_SIZE there may be, and ours. */
export const FRAME_BYTES = 16_384;
export const FRAME_BYTES_MAX = 2 ** 24 - 1;
export const INITIAL_WINDOW = 65_535;
export const WINDOW_MAX = 2 ** 31 - 1;
export const STREAM_ID_MAX = 2 ** 31 - 1;
export const HEADER_TABLE_BYTES = 4_096;

/** The head of a frame as latin1 text. `length`: of its payload in bytes. */
export function frameHead(length: number, type: number, flags: number, stream: number): string {
  return String.fromCharCode(
    length >> 16,
    (length >> 8) & 0xff,
    length & 0xff,
    type,
    flags,
    stream >>> 24,
    (stream >> 16) & 0xff,
    (stream >> 8) & 0xff,
    stream & 0xff,
  );
}

/** Four bytes, the most significant first, as latin1 text. */
export function uint32(value: number): string {
  return String.fromCharCode((value >>> 24) & 0xff, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
