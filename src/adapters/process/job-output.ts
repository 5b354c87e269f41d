import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CHUNK_BYTES = 64 * 1024;
const LINE_MAX = 2_000;
/** Lines that are shown; the file has them all. */
const SHOWN_MAX = 1_000;
const TAIL_LINES = 20;

interface Place {
  readonly offset: number;
  readonly shown: number;
}

/** Reads on in a file that a process is writing. How far it came is in a file beside, so that another reader goes on from there. */
export class JobOutput {
  readonly #path: string;
  readonly #placePath: string;
  readonly #redact: (text: string) => string;
  #place: Place;
  #rest = Buffer.alloc(0);

  constructor(directory: string, path: string, redact: (text: string) => string) {
    this.#path = path;
    this.#placePath = join(directory, "read.json");
    this.#redact = redact;
    this.#place = placeIn(this.#placePath);
  }

  /** Whole lines that have come; at the end, what is left without a newline too. */
  read(atEnd: boolean): readonly string[] {
    const lines: string[] = [];
    for (let piece = this.#piece(); piece.length > 0; piece = this.#piece()) {
      const text = Buffer.concat([this.#rest, piece]);
      const whole = text.lastIndexOf(10) + 1;
      lines.push(...text.toString("utf8", 0, whole).split("\n").slice(0, -1));
      this.#rest = text.subarray(whole);
      if (this.#rest.length < CHUNK_BYTES) continue;
      lines.push(this.#rest.toString("utf8"));
      this.#rest = Buffer.alloc(0);
    }
    if (atEnd && this.#rest.length > 0) lines.push(this.#rest.toString("utf8"));
    return this.#shown(lines);
  }

  /** What was read last has been passed on. */
  keepPlace(): void {
    writeFileSync(this.#placePath, JSON.stringify({ ...this.#place, offset: this.#place.offset - this.#rest.length }));
  }

  /** The last lines of all. */
  tail(): readonly string[] {
    const size = sizeOf(this.#path);
    const start = Math.max(0, size - CHUNK_BYTES);
    const lines = readAt(this.#path, start, CHUNK_BYTES).toString("utf8").split("\n");
    if (lines.at(-1) === "") lines.pop();
    if (start > 0 && lines.length > 1) lines.shift();
    return lines.slice(-TAIL_LINES).map((line) => clip(this.#redact(line)));
  }

  #piece(): Buffer {
    const piece = readAt(this.#path, this.#place.offset, CHUNK_BYTES);
    this.#place = { ...this.#place, offset: this.#place.offset + piece.length };
    return piece;
  }

  #shown(lines: readonly string[]): readonly string[] {
    const left = SHOWN_MAX - this.#place.shown;
    if (lines.length === 0 || left < 0) return [];
    this.#place = { ...this.#place, shown: this.#place.shown + lines.length };
    const shown = lines.slice(0, left).map((line) => clip(this.#redact(line)));
    return lines.length > left ? [...shown, `… all of it is in ${this.#path}`] : shown;
  }
}

function clip(line: string): string {
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
}

function placeIn(path: string): Place {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Place;
  } catch {
    return { offset: 0, shown: 0 };
  }
}

function readAt(path: string, offset: number, length: number): Buffer {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
