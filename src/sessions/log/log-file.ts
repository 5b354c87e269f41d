import { closeSync, constants, fdatasync, fdatasyncSync, ftruncateSync, openSync, rmSync, write, writeSync } from "node:fs";
import { randomInt } from "node:crypto";
import { fileHead, sealFrame } from "./frames.ts";

const SALT_END = 2 ** 32;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** A durable file is made longer by as much as it has, within these, in bytes. */
const [ROOM_MIN, ROOM_MAX] = [65_536, 4 * 1_048_576];
const ZEROS = Buffer.alloc(ROOM_MAX);
/** After these nothing is wrong with what is on disk: there is only no room for more. */
const NO_ROOM: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT", "EFBIG"];

export function isLackOfRoom(error: NodeJS.ErrnoException): boolean {
  return NO_ROOM.includes(error.code);
}

/**
 * A new file of the log, to which frames are appended. If it is `durable`, a write ends when the bytes are on disk: one call does what write and fdatasync do. Such
 * a file has zeros behind its last frame until it is closed: where a file need not become longer, the disk has only the bytes to write, and the system nothing to
 * note of it (half the processor time of a write, and less than half the wait, on ext4).
 */
export class LogFile {
  readonly path: string;
  /** Up to here there are whole frames. */
  bytes: number;
  frames = 0;
  readonly #fd: number;
  readonly #durable: boolean;
  readonly #salt = randomInt(SALT_END);
  /** Up to here the file has been made. */
  #made: number;
  /** There was no room for zeros: frames may still find some. */
  #isTight = false;

  constructor(path: string, durable: boolean) {
    this.path = path;
    this.#durable = durable;
    this.#fd = openSync(path, durable ? NEW | constants.O_DSYNC : NEW, 0o600);
    const head = fileHead(this.#salt);
    try {
      writeSync(this.#fd, head);
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.discard();
      throw error;
    }
    this.bytes = this.#made = head.length;
  }

  /** Makes the next frame of what has room for its head in front. */
  seal(frame: Buffer): void {
    this.frames += 1;
    sealFrame(frame, this.frames, this.#salt);
  }

  /** @throws the system's error; then `cut` takes back what was written of it */
  append(frame: Buffer): void {
    if (this.#shouldGrow(frame)) this.#grow();
    for (let at = 0; at < frame.length;) at += writeSync(this.#fd, frame, at, frame.length - at, this.bytes + at);
    this.bytes += frame.length;
  }

  /** The same in another thread. The frame must stay as it is until then. */
  appendAside(frame: Buffer, done: (error: NodeJS.ErrnoException | null) => void): void {
    const append = (): void => {
      this.#writeAside(frame, done, 0);
    };
    if (this.#shouldGrow(frame)) this.#growAside(append);
    else append();
  }

  /** The file ends with its last whole frame. */
  cut(): void {
    ftruncateSync(this.#fd, this.bytes);
    this.#made = this.bytes;
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** Goes on in another thread. It may be closed meanwhile if it was made safe before. */
  syncAside(onError: (error: NodeJS.ErrnoException) => void): void {
    fdatasync(this.#fd, (error) => {
      if (error !== null && error.code !== "EBADF") onError(error);
    });
  }

  close(): void {
    if (this.#made > this.bytes) this.cut();
    closeSync(this.#fd);
  }

  /** It is not to be there after all. */
  discard(): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }

  #writeAside(frame: Buffer, done: (error: NodeJS.ErrnoException | null) => void, from: number): void {
    write(this.#fd, frame, from, frame.length - from, this.bytes + from, (error, written) => {
      if (error === null && from + written < frame.length) {
        this.#writeAside(frame, done, from + written);
        return;
      }
      if (error === null) this.bytes += frame.length;
      done(error);
    });
  }

  /** A long frame is better off without: its zeros would cost as much as it does. */
  #shouldGrow({ length }: Buffer): boolean {
    return this.#durable && !this.#isTight && this.bytes + length > this.#made && length * 4 <= this.#growth;
  }

  get #growth(): number {
    return Math.min(ROOM_MAX, Math.max(ROOM_MIN, this.bytes));
  }

  #grow(): void {
    try {
      this.#made = this.bytes + writeSync(this.#fd, ZEROS, 0, this.#growth, this.bytes);
    } catch {
      this.#isTight = true;
    }
  }

  #growAside(done: () => void): void {
    write(this.#fd, ZEROS, 0, this.#growth, this.bytes, (error, written) => {
      if (error === null) this.#made = this.bytes + written;
      else this.#isTight = true;
      done();
    });
  }
}
