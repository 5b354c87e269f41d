import { truncateSync } from "node:fs";
import type { Logger } from "../../base/log.ts";
import type { Effects } from "../data/effects.ts";
import type { LogFiles } from "./log-files.ts";
import { LogFileReader } from "./log-file-reader.ts";

export interface Loaded {
  readonly baseBytes: number;
  readonly logBytes: number;
  readonly files: number;
  /** Files in whose midst something could not be read. */
  readonly damaged: readonly string[];
}

/** Reads the newest snapshot and the logs that belong to it, in their order, into `effects`. */
export class LogLoader {
  readonly #files: LogFiles;
  readonly #effects: Effects;
  readonly #log: Logger;
  readonly #done: string[] = [];
  readonly #damaged: string[] = [];
  #current: LogFileReader | null = null;
  #baseBytes = 0;
  #logBytes = 0;

  constructor(files: LogFiles, effects: Effects, log: Logger) {
    this.#files = files;
    this.#effects = effects;
    this.#log = log;
  }

  /** What is there by now, while another process may go on writing. Other work gets its turn between pieces. */
  async follow(): Promise<void> {
    for (;;) {
      this.#current ??= this.#next();
      if (this.#current === null) return;
      while (this.#current.read()) await new Promise(setImmediate);
      if (this.#unread().length === 0) return;
      this.#finishCurrent();
    }
  }

  /** All the rest; nobody else writes there any more. */
  finish(): Loaded {
    for (;;) {
      this.#current ??= this.#next();
      if (this.#current === null) break;
      this.#finishCurrent();
    }
    return { baseBytes: this.#baseBytes, logBytes: this.#logBytes, files: this.#done.length, damaged: this.#damaged };
  }

  #next(): LogFileReader | null {
    const [path] = this.#unread();
    return path === undefined ? null : new LogFileReader(path, this.#effects);
  }

  #unread(): string[] {
    const { base, logs } = this.#files.present();
    const all = [...(base > 0 ? [this.#files.base(base)] : []), ...logs.map((number) => this.#files.log(number))];
    return all.filter((path) => path !== this.#current?.path && !this.#done.includes(path));
  }

  #finishCurrent(): void {
    const reader = this.#current;
    if (reader === null) return;
    const { path } = reader;
    const torn = reader.finish();
    if (reader.isUnreadable) {
      this.#damaged.push(path);
      this.#log.error("a file of the log cannot be read, as its beginning is damaged; it is kept", { path, bytes: torn });
    } else if (torn > 0) this.#dropEnd(reader, torn);
    if (reader.lostBytes > 0) {
      this.#damaged.push(path);
      this.#log.error("a part of the log could not be read; what stands behind it was", { path, bytes: reader.lostBytes });
    }
    if (path === this.#files.base(this.#files.present().base)) this.#baseBytes = reader.bytes;
    else this.#logBytes += reader.bytes;
    reader.close();
    this.#done.push(path);
    this.#current = null;
  }

  #dropEnd(reader: LogFileReader, bytes: number): void {
    const { path } = reader;
    if (!reader.isBlankBehind())
      this.#log.warn("the end of a log was not written whole and is dropped; nobody had been told it was safe", { path, bytes });
    truncateSync(path, reader.position);
  }
}
