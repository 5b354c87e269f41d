import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { HitlessError } from "../../base/error.ts";
import type { Effects } from "../data/effects.ts";
import { FILE_HEAD_BYTES, isOfOtherVersion, nextMagic, readFileHead, readFrame } from "./frames.ts";
import { readRecords } from "./records.ts";

const CHUNK_BYTES = 4 * 1_048_576;

/**
 * Reads a file of the log frame by frame and tells what stands in it. It may still be written by another process: `read` takes what is there by
 * now, `finish` takes what is left as the end of the file.
 */
export class LogFileReader {
  readonly path: string;
  /** Whole frames end here. */
  position = 0;
  frames = 0;
  lostBytes = 0;
  /** Its head cannot be read, and so nothing of it. */
  isUnreadable = false;
  readonly #fd: number;
  readonly #effects: Effects;
  #salt: number | null = null;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(path: string, effects: Effects) {
    this.path = path;
    this.#effects = effects;
    this.#fd = openSync(path, "r");
  }

  get bytes(): number {
    return fstatSync(this.#fd).size;
  }

  /** Takes the next frames, about 4 MiB of them. False at the end of what is there, or where no whole frame follows. @throws ERR_STATE_SERVER_DATA */
  read(): boolean {
    if (this.#salt === null && !this.#readHead()) return false;
    let wanted = CHUNK_BYTES;
    for (;;) {
      const chunk = this.#chunk(wanted);
      const end = this.#takeFrames(chunk, this.#salt ?? 0);
      if (end.taken > 0) return true;
      if (end.needed <= chunk.length || this.position + end.needed > this.bytes) return false;
      wanted = end.needed;
    }
  }

  /** Everything to the end. What cannot be read is passed over if whole frames follow; what is left at the end is a torn tail, of so many bytes. */
  finish(): number {
    for (;;) {
      while (this.read());
      const left = this.bytes - this.position;
      if (left === 0 || this.#salt === null) return left;
      const next = this.#findFrame(this.#salt);
      if (next === null) return left;
      this.lostBytes += next - this.position;
      this.position = next;
    }
  }

  /** Whether nothing but zeros follows, which a writer that was killed had not come to yet. */
  isBlankBehind(): boolean {
    const start = this.position;
    try {
      for (let chunk = this.#chunk(CHUNK_BYTES); chunk.length > 0; chunk = this.#chunk(CHUNK_BYTES)) {
        if (chunk.some((byte) => byte !== 0)) return false;
        this.position += chunk.length;
      }
      return true;
    } finally {
      this.position = start;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readHead(): boolean {
    const head = Buffer.alloc(FILE_HEAD_BYTES);
    if (readSync(this.#fd, head, 0, FILE_HEAD_BYTES, 0) < FILE_HEAD_BYTES) return false;
    this.#salt = readFileHead(head);
    if (isOfOtherVersion(head)) throw ofOtherVersion(this.path);
    this.isUnreadable = this.#salt === null;
    if (this.#salt === null) return false;
    this.position = FILE_HEAD_BYTES;
    return true;
  }

  #chunk(bytes: number): Buffer {
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafeSlow(bytes);
    return this.#buffer.subarray(0, readSync(this.#fd, this.#buffer, 0, bytes, this.position));
  }

  #takeFrames(chunk: Buffer, salt: number): { taken: number; needed: number } {
    let [at, taken] = [0, 0];
    for (;;) {
      const found = readFrame(chunk, at, salt);
      if (found.kind !== "frame") return { taken, needed: found.kind === "short" ? found.needed : 0 };
      readRecords(found.body, this.#effects);
      this.position += found.end - at;
      this.frames += 1;
      at = found.end;
      taken += 1;
    }
  }

  /** Where the next whole frame begins, behind the one that cannot be read. */
  #findFrame(salt: number): number | null {
    const size = this.bytes;
    let from = this.position + 1;
    while (from < size) {
      const start = this.position;
      this.position = from;
      const chunk = this.#chunk(CHUNK_BYTES);
      this.position = start;
      const at = nextMagic(chunk, 0);
      if (at < 0) {
        from += Math.max(1, chunk.length - 3);
        continue;
      }
      if (this.#isFrame(from + at, salt)) return from + at;
      from += at + 1;
    }
    return null;
  }

  #isFrame(position: number, salt: number): boolean {
    const start = this.position;
    this.position = position;
    try {
      const first = readFrame(this.#chunk(CHUNK_BYTES), 0, salt);
      if (first.kind !== "short") return first.kind === "frame";
      return position + first.needed <= this.bytes && readFrame(this.#chunk(first.needed), 0, salt).kind === "frame";
    } finally {
      this.position = start;
    }
  }
}

function ofOtherVersion(path: string): HitlessError {
  return new HitlessError({
    code: "ERR_STATE_SERVER_DATA",
    what: `${path} was written by another version of Hitless, in a form that this one does not know.`,
    why: "Nothing was changed.",
    next: "Start the version that wrote it.",
  });
}
