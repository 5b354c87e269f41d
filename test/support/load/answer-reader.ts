/** Why the bytes of an answer cannot be what HTTP/1.1 allows. */
export class MalformedAnswer extends Error {}

const HEAD_MAX = 64 * 1024;
const HEAD =
  /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n$/;
const FRAMING = /^(content-length|transfer-encoding|connection):[\t ]*([^\r]*?)[\t ]*\r$/gim;
const CHUNK_SIZE = /^([0-9a-f]{1,8})(?:[\t ]*;[^\r\n]*)?\r\n$/i;
const LINE_MAX = 4096;

type State = "head" | "length" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers" | "until-close" | "done";

/**
 * Reads one answer, byte for byte as RFC 9112 has it; what is not so is malformed, never guessed at. It shares no code with the proxy: the
 * two must not make the same mistake. Text is latin1, one character a byte.
 */
export class AnswerReader {
  #state: State = "head";
  #pending = "";
  #left = 0;
  #status = 0;
  #keepAlive = false;
  #begun = false;
  #body = "";
  readonly #keepBody: boolean;

  constructor(keepBody: boolean) {
    this.#keepBody = keepBody;
  }

  get status(): number {
    return this.#status;
  }

  get begun(): boolean {
    return this.#begun;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** The connection may carry another request: the answer says so and nothing came after it. */
  get reusable(): boolean {
    return this.done && this.#keepAlive && this.#pending === "";
  }

  /** Bytes after the end of the answer, which nobody asked for. */
  get excess(): boolean {
    return this.done && this.#pending !== "";
  }

  get body(): string {
    return this.#body;
  }

  /** @throws MalformedAnswer */
  take(text: string): void {
    this.#begun = true;
    let rest: string | null = this.#pending + text;
    while (rest !== null && this.#state !== "done") {
      this.#pending = rest;
      rest = this.#step(rest);
    }
    if (rest !== null) this.#pending = rest;
  }

  /** The server has closed. True when that is how this answer ends. */
  close(): boolean {
    if (this.#state === "until-close") this.#state = "done";
    return this.#state === "done";
  }

  /** What is left after one step, or null when more is needed; what is pending then is what was not used. */
  #step(text: string): string | null {
    switch (this.#state) {
      case "head":
        return this.#head(text);
      case "length":
      case "chunk-data":
        return this.#counted(text);
      case "chunk-size":
        return this.#chunkSize(text);
      case "chunk-end":
        return this.#chunkEnd(text);
      case "trailers":
        return this.#trailers(text);
      case "until-close":
        this.#add(text);
        this.#pending = "";
        return null;
      case "done":
        return null;
    }
  }

  #head(text: string): string | null {
    const end = text.indexOf("\r\n\r\n");
    if (end === -1 ? text.length > HEAD_MAX : end > HEAD_MAX) throw new MalformedAnswer("the head is too long");
    if (end === -1) return null;
    const match = HEAD.exec(text.slice(0, end + 4));
    if (match === null) throw new MalformedAnswer("the head is not HTTP/1.1");
    const [, minor = "", status = "", lines = ""] = match;
    this.#status = Number(status);
    if (this.#status < 100) throw new MalformedAnswer("the status is below 100");
    if (this.#status >= 200) this.#frame(minor, lines);
    return text.slice(end + 4);
  }

  #frame(minor: string, lines: string): void {
    const { length, coded, connection } = framing(lines);
    const tokens = connection.toLowerCase().split(/[\t ]*,[\t ]*/);
    this.#keepAlive = minor === "1" ? !tokens.includes("close") : tokens.includes("keep-alive");
    if (this.#status === 204 || this.#status === 304) this.#state = "done";
    else if (coded) this.#state = "chunk-size";
    else if (length === null) {
      this.#state = "until-close";
      this.#keepAlive = false;
    } else {
      this.#left = length;
      this.#state = length === 0 ? "done" : "length";
    }
  }

  #counted(text: string): string | null {
    const used = Math.min(this.#left, text.length);
    this.#left -= used;
    this.#add(used === text.length ? text : text.slice(0, used));
    this.#pending = "";
    if (this.#left > 0) return null;
    this.#state = this.#state === "length" ? "done" : "chunk-end";
    return text.slice(used);
  }

  #chunkSize(text: string): string | null {
    const line = lineOf(text);
    if (line === null) return null;
    const size = CHUNK_SIZE.exec(line)?.[1];
    if (size === undefined) throw new MalformedAnswer("a chunk has no size");
    this.#left = parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk-data";
    return text.slice(line.length);
  }

  #chunkEnd(text: string): string | null {
    if (text.length < 2) return null;
    if (!text.startsWith("\r\n")) throw new MalformedAnswer("a chunk is longer than its size");
    this.#state = "chunk-size";
    return text.slice(2);
  }

  #trailers(text: string): string | null {
    const line = lineOf(text);
    if (line === null) return null;
    if (line === "\r\n") this.#state = "done";
    return text.slice(line.length);
  }

  #add(text: string): void {
    if (this.#keepBody) this.#body += text;
  }
}

function framing(lines: string): { length: number | null; coded: boolean; connection: string } {
  let length: number | null = null;
  let coded = false;
  let connection = "";
  for (const [, name = "", value = ""] of lines.matchAll(FRAMING)) {
    switch (name.toLowerCase()) {
      case "content-length":
        if (!/^\d{1,15}$/.test(value) || length !== null) throw new MalformedAnswer("the length is not one number");
        length = Number(value);
        break;
      case "transfer-encoding":
        if (coded || value.toLowerCase() !== "chunked") throw new MalformedAnswer(`the transfer coding is ${value}`);
        coded = true;
        break;
      default:
        connection += `,${value}`;
    }
  }
  if (coded && length !== null) throw new MalformedAnswer("the answer has both a length and chunks");
  return { length, coded, connection };
}

function lineOf(text: string): string | null {
  const end = text.indexOf("\r\n");
  if (end === -1 ? text.length > LINE_MAX : end > LINE_MAX) throw new MalformedAnswer("a line is too long");
  return end === -1 ? null : text.slice(0, end + 2);
}
