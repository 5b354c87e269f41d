import { close, fstatSync, open, openSync, stat, write, writeSync } from "node:fs";

/** What waits for the disk; past it lines are dropped and counted. */
const PENDING_BYTES_MAX = 1_048_576;
const BATCH_BYTES = 65_536;
const FLUSH_MS = 200;
/** How often it is looked whether the file was renamed or removed. */
const LOOK_MS = 1_000;
const STDOUT = 1;

/**
 * A file that several workers append to, line by line, without ever waiting for the disk. Each batch is one write of whole lines to a
 * descriptor opened for appending, so that lines of different workers do not mix.
 */
export class LogFile {
  readonly #path: string;
  #descriptor: number | null = null;
  #inode = 0;
  #lookedAt = 0;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing = false;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Lines that were dropped since the last time this was asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** `line` ends with a newline. */
  append(line: string): void {
    if (this.#pendingBytes + line.length > PENDING_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (this.#pendingBytes >= BATCH_BYTES) this.#flush();
    else
      this.#timer ??= setTimeout(() => {
        this.#flush();
      }, FLUSH_MS);
  }

  /** After a rotation: what comes from now on goes into a new file of that name. */
  reopen(): void {
    this.#lookedAt = 0;
    this.#inode = 0;
  }

  /** Writes what waits, at once: the process ends. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#pending.length === 0 || this.#writing) return;
    try {
      const descriptor = this.#path === "stdout" ? STDOUT : openSync(this.#path, "a", 0o640);
      writeSync(descriptor, this.#pending.join(""));
    } catch {
      // Nobody is left to be told.
    }
    this.#pending = [];
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing || this.#pending.length === 0) return;
    this.#writing = true;
    this.#withDescriptor((descriptor) => {
      const lines = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      if (descriptor === null) this.#dropped += lines.length;
      if (descriptor === null) this.#written();
      else this.#write(descriptor, Buffer.from(lines.join("")), lines.length);
    });
  }

  #write(descriptor: number, data: Buffer, lines: number): void {
    write(descriptor, data, 0, data.length, null, (error, written) => {
      if (error !== null) {
        this.#dropped += lines;
        this.#written();
      } else if (written < data.length) this.#write(descriptor, data.subarray(written), 1);
      else this.#written();
    });
  }

  #written(): void {
    this.#writing = false;
    if (this.#pendingBytes >= BATCH_BYTES) this.#flush();
    else if (this.#pending.length > 0)
      this.#timer ??= setTimeout(() => {
        this.#flush();
      }, FLUSH_MS);
  }

  /** Null when the file cannot be opened. */
  #withDescriptor(use: (descriptor: number | null) => void): void {
    if (this.#path === "stdout") {
      use(STDOUT);
      return;
    }
    const now = Date.now();
    if (this.#descriptor !== null && now - this.#lookedAt < LOOK_MS) {
      use(this.#descriptor);
      return;
    }
    this.#lookedAt = now;
    stat(this.#path, (error, found) => {
      if (this.#descriptor !== null && error === null && found.ino === this.#inode) use(this.#descriptor);
      else this.#open(use);
    });
  }

  #open(use: (descriptor: number | null) => void): void {
    if (this.#descriptor !== null) close(this.#descriptor, () => undefined);
    this.#descriptor = null;
    open(this.#path, "a", 0o640, (error, descriptor) => {
      if (error === null) {
        this.#descriptor = descriptor;
        this.#inode = fstatSync(descriptor).ino;
      }
      use(this.#descriptor);
    });
  }
}

/** The files of one worker, by path: apps may share one. */
export class LogFiles {
  readonly #files = new Map<string, LogFile>();

  file(path: string): LogFile {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const fresh = new LogFile(path);
    this.#files.set(path, fresh);
    return fresh;
  }

  takeDropped(): number {
    return [...this.#files.values()].reduce((sum, file) => sum + file.takeDropped(), 0);
  }

  reopen(): void {
    for (const file of this.#files.values()) file.reopen();
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }
}
