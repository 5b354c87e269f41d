import type { Limits } from "./limits.ts";

/** What a decoder found in a piece of input. */
export interface Decoded {
  /** Payload, as slices of the input. */
  readonly payload: readonly Buffer[];
  /** Input bytes that belong to the body; the rest is what comes after it. */
  readonly used: number;
  readonly done: boolean;
}

const CR = 13;
const LF = 10;
/** No white space around an extension: the grammar calls it bad, nobody sends it, and readers differ about it. */
const CHUNK_LINE =
  /^([0-9A-Fa-f]{1,13})((?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*)$/;
/** What must not come after the body: framing, routing, and what the head has settled (RFC 9110 section 6.5.1). */
const NO_TRAILER =
  /^(?:transfer-encoding|content-(?:length|encoding|type|range)|host|trailer|te|connection|keep-alive|upgrade|set-cookie|date|location|cache-control|authorization|www-authenticate|proxy-.*):/i;
const TRAILER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Takes a chunked body apart, piece by piece (RFC 9112 section 7.1). Extensions are checked and dropped: the proxy frames bodies anew, so
 * nothing of the sender's framing is ever forwarded.
 */
export class ChunkedDecoder {
  readonly #limits: Pick<Limits, "chunkExtensionBytesMax" | "trailerBytesMax">;
  #state: "size" | "data" | "data-end" | "trailer" | "done" = "size";
  #left = 0;
  #line = "";
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailers = "";

  constructor(limits: Pick<Limits, "chunkExtensionBytesMax" | "trailerBytesMax">) {
    this.#limits = limits;
  }

  /** The trailers that may be passed on, each line with its CRLF; whole when the body is done. */
  get trailers(): string {
    return this.#trailers;
  }

  /** Null when the framing is broken: nothing that follows can be trusted. */
  decode(input: Buffer): Decoded | null {
    const payload: Buffer[] = [];
    let at = 0;
    while (at < input.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(input.length, at + this.#left);
        payload.push(input.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data-end";
        continue;
      }
      const next = this.#readLine(input, at);
      if (next === null) return null;
      at = next;
    }
    return { payload, used: at, done: this.#state === "done" };
  }

  /** Reads one line or the part of it that is there; gives where to go on, or null for a broken one. */
  #readLine(input: Buffer, at: number): number | null {
    const lf = input.indexOf(LF, at);
    const end = lf < 0 ? input.length : lf + 1;
    this.#line += input.toString("latin1", at, end);
    if (this.#line.length > this.#limits.chunkExtensionBytesMax + 32) return null;
    if (this.#state === "data-end" && !"\r\n".startsWith(this.#line)) return null;
    if (lf < 0) return this.#line.includes("\r") && this.#line.indexOf("\r") !== this.#line.length - 1 ? null : end;
    if (this.#line.length < 2 || this.#line.charCodeAt(this.#line.length - 2) !== CR) return null;
    const line = this.#line.slice(0, -2);
    this.#line = "";
    return this.#takeLine(line) ? end : null;
  }

  #takeLine(line: string): boolean {
    switch (this.#state) {
      case "size":
        return this.#takeSize(line);
      case "data-end":
        this.#state = "size";
        return line === "";
      case "trailer":
        return this.#takeTrailer(line);
      case "data":
      case "done":
        return false;
    }
  }

  #takeTrailer(line: string): boolean {
    if (line === "") {
      this.#state = "done";
      return true;
    }
    this.#trailerBytes += line.length + 2;
    if (!TRAILER.test(line) || this.#trailerBytes > this.#limits.trailerBytesMax) return false;
    if (!NO_TRAILER.test(line)) this.#trailers += `${line}\r\n`;
    return true;
  }

  #takeSize(line: string): boolean {
    const match = CHUNK_LINE.exec(line);
    if (match === null) return false;
    this.#extensionBytes += match[2]?.length ?? 0;
    if (this.#extensionBytes > this.#limits.chunkExtensionBytesMax) return false;
    this.#left = parseInt(match[1] ?? "", 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
    return true;
  }
}
