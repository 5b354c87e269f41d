import type { SocketReader } from "./acceptor.ts";
import type { Limits } from "./limits.ts";
import { partialHeadProblem } from "./partial-head.ts";
import { LentCopy } from "./read-buffer.ts";
import type { Refusal } from "./refusal.ts";
import { parseRequestHead, type RequestHead } from "./request-head.ts";

const HEAD_END = "\r\n\r\n";
/** The first half of the preface by which HTTP/2 begins (RFC 9113 section 3.4): to HTTP/1.1 it looks like a head. */
const PREFACE_HEAD = "PRI * HTTP/2.0\r\n\r\n";
const NOTHING = Buffer.alloc(0);
const CR = 13;
const LF = 10;

/** What an HTTP/1.x client has sent and nobody has taken yet, and the request heads in it. */
export class ClientInput {
  readonly #limits: Limits;
  #data: Buffer = NOTHING;
  #lent = false;
  #copy: LentCopy | null = null;
  /** So much of it has been searched for the end of the head. */
  #searched = 0;
  #emptyLines = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#data.length;
  }

  /** `lent`: the data is only good until `own` is called. */
  add(data: Buffer, lent: boolean): void {
    if (this.#data.length === 0) {
      this.#data = data;
      this.#lent = lent;
    } else {
      this.#data = Buffer.concat([this.#data, data]);
      this.#lent = false;
    }
  }

  /** What stays is kept in memory of its own. */
  own(): void {
    if (!this.#lent) return;
    this.#lent = false;
    if (this.#data.length === 0) return;
    this.#copy ??= new LentCopy();
    this.#data = this.#copy.of(this.#data);
  }

  /** All of it, owned. */
  take(): Buffer {
    this.own();
    const data = this.#data;
    this.#data = NOTHING;
    return data;
  }

  /** Another reader goes on from here. */
  handOver(reader: Pick<SocketReader, "onData">): void {
    const data = this.#data;
    this.#data = NOTHING;
    reader.onData(data, this.#lent);
  }

  /** The rest of what was taken. */
  putBack(rest: Buffer): void {
    this.#data = rest;
  }

  clear(): void {
    this.#data = NOTHING;
  }

  /** What was taken has been written on: its memory may be used again. */
  giveCopyBack(): void {
    if (this.#data.length === 0) this.#copy?.giveBack();
  }

  /** What was taken may still be written. */
  forgetCopy(): void {
    if (this.#data.length === 0) this.#copy?.forget();
  }

  // --- heads ---

  /** False if nothing of a request is there. Some clients send an empty line after a body (RFC 9112 section 2.2). */
  beginsRequest(): boolean {
    const data = this.#data;
    let at = 0;
    while (data[at] === CR && data[at + 1] === LF && this.#emptyLines < this.#limits.leadingEmptyLinesMax) {
      at += 2;
      this.#emptyLines += 1;
    }
    if (at > 0) this.#data = data.subarray(at);
    if (this.#data.length === 0 || (this.#data.length === 1 && this.#data[0] === CR)) return false;
    this.#emptyLines = 0;
    this.#searched = 0;
    return true;
  }

  /** The client speaks HTTP/2 from its first byte. */
  isHttp2(): boolean {
    const data = this.#data;
    // Cheap for everything that is no method beginning with PR.
    if (data[0] !== 0x50 || data[1] !== 0x52) return false;
    return data.toString("latin1", 0, PREFACE_HEAD.length) === PREFACE_HEAD;
  }

  /** Takes the next head; null while it is not all there. What can be seen to be wrong is refused before. */
  takeHead(): RequestHead | Refusal | null {
    const data = this.#data;
    const end = data.indexOf(HEAD_END, Math.max(0, this.#searched - 3), "latin1");
    if (end < 0 || end > this.#limits.headBytesMax) {
      const problem = partialHeadProblem(data, this.#searched, this.#limits);
      this.#searched = data.length;
      return problem;
    }
    const after = end + HEAD_END.length;
    this.#data = after === data.length ? NOTHING : data.subarray(after);
    return parseRequestHead(data.toString("latin1", 0, after), this.#limits);
  }
}
