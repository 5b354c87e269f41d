import { crc32 } from "node:zlib";

/**
 * A file of the log begins with `HitlessLog1` and a zero byte, and a number by chance, from which its checksums start: what users store cannot be taken for a
 * frame when a damaged file is searched for the next whole one. Then it is a row of frames, one for each batch of changes that became durable together:
 *
 *     "HLog" (4) · length of the body (u32) · CRC-32 of number and body (u32) · number (u64) · body
 *
 * All little-endian. Numbers rise by one within a file. A frame counts as a whole or not at all, so that a transaction is never half there.
 */
const MAGIC = Buffer.from("HLog", "latin1");
export const FRAME_HEAD_BYTES = 20;
const FILE_MAGIC = Buffer.from("HitlessLog1\0", "latin1");
const FAMILY_BYTES = "HitlessLog".length;
export const FILE_HEAD_BYTES = 16;
/** A longer body is not believed. */
const BODY_MAX = 0x7fff_ffff;

/** What a file begins with; `salt` has 32 bits. */
export function fileHead(salt: number): Buffer {
  const head = Buffer.alloc(FILE_HEAD_BYTES);
  FILE_MAGIC.copy(head);
  head.writeUInt32LE(salt, FILE_MAGIC.length);
  return head;
}

/** The salt of a file, or null if this is not the beginning of one. */
export function readFileHead(head: Buffer): number | null {
  if (head.length < FILE_HEAD_BYTES || !head.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC)) return null;
  return head.readUInt32LE(FILE_MAGIC.length);
}

/** Whether a file is one of ours in a form that another version of Hitless writes, as its first bytes say. */
export function isOfOtherVersion(head: Buffer): boolean {
  const family = FILE_MAGIC.subarray(0, FAMILY_BYTES);
  return head.subarray(0, FAMILY_BYTES).equals(family) && !head.subarray(0, FILE_MAGIC.length).equals(FILE_MAGIC);
}

/** Writes the head in front of a body that begins at `FRAME_HEAD_BYTES` of the buffer. */
export function sealFrame(frame: Buffer, number: number, salt: number): void {
  MAGIC.copy(frame, 0);
  frame.writeUInt32LE(frame.length - FRAME_HEAD_BYTES, 4);
  frame.writeBigUInt64LE(BigInt(number), 12);
  frame.writeUInt32LE(crc32(frame.subarray(12), salt), 8);
}

export type FrameFound =
  | { readonly kind: "frame"; readonly number: number; readonly body: Buffer; readonly end: number }
  /** May be whole when `needed` bytes are there. */
  | { readonly kind: "short"; readonly needed: number }
  | { readonly kind: "damaged" };

/** Reads the frame that begins at `at`. */
export function readFrame(bytes: Buffer, at: number, salt: number): FrameFound {
  if (bytes.length - at < FRAME_HEAD_BYTES) return { kind: "short", needed: FRAME_HEAD_BYTES };
  if (bytes.compare(MAGIC, 0, 4, at, at + 4) !== 0) return { kind: "damaged" };
  const length = bytes.readUInt32LE(at + 4);
  if (length > BODY_MAX) return { kind: "damaged" };
  const end = at + FRAME_HEAD_BYTES + length;
  if (end > bytes.length) return { kind: "short", needed: end - at };
  if (crc32(bytes.subarray(at + 12, end), salt) !== bytes.readUInt32LE(at + 8)) return { kind: "damaged" };
  const number = Number(bytes.readBigUInt64LE(at + 12));
  return { kind: "frame", number, body: bytes.subarray(at + FRAME_HEAD_BYTES, end), end };
}

/** Where the next frame may begin, behind `from`; -1 if nowhere. */
export function nextMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf(MAGIC, from);
}
