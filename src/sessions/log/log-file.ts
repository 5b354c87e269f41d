import { closeSync, constants, fdatasync, fdatasyncSync, ftruncateSync, openSync, write, writeSync } from "node:fs";
import { randomInt } from "node:crypto";
import { fileHead, sealFrame } from "./frames.ts";

const SALT_END = 2 ** 32;
const APPEND_NEW = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;
/** After these nothing is wrong with what is on disk: there is only no room for more. */
const NO_ROOM: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT", "EFBIG"];

export function isLackOfRoom(error: NodeJS.ErrnoException): boolean {
  return NO_ROOM.includes(error.code);
}

/** A new file of the log, to which frames are appended. If it is `durable`, a write ends when the bytes are on disk: one call does what write and fdatasync do. */
export class LogFile {
  readonly path: string;
  /** Up to here there are whole frames. */
  bytes: number;
  frames = 0;
  readonly #fd: number;
  readonly #salt = randomInt(SALT_END);

  constructor(path: string, durable: boolean) {
    this.path = path;
    this.#fd = openSync(path, durable ? APPEND_NEW | constants.O_DSYNC : APPEND_NEW, 0o600);
    const head = fileHead(this.#salt);
    writeSync(this.#fd, head);
    fdatasyncSync(this.#fd);
    this.bytes = head.length;
  }

  /** Makes the next frame of what has room for its head in front. */
  seal(frame: Buffer): void {
    this.frames += 1;
    sealFrame(frame, this.frames, this.#salt);
  }

  /** @throws the system's error; then `cut` takes back what was written of it */
  append(frame: Buffer): void {
    for (let at = 0; at < frame.length;) at += writeSync(this.#fd, frame, at);
    this.bytes += frame.length;
  }

  /** The same in another thread. The frame must stay as it is until then. */
  appendAside(frame: Buffer, done: (error: NodeJS.ErrnoException | null) => void, from = 0): void {
    write(this.#fd, frame, from, (error, written) => {
      if (error === null && from + written < frame.length) {
        this.appendAside(frame, done, from + written);
        return;
      }
      if (error === null) this.bytes += frame.length;
      done(error);
    });
  }

  /** The file ends with its last whole frame. */
  cut(): void {
    ftruncateSync(this.#fd, this.bytes);
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
    closeSync(this.#fd);
  }
}
