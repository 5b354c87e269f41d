import { ErrorReply, MapReply, NullList, SimpleString, Verbatim, type Reply } from "./reply.ts";

export type Protocol = 2 | 3;

const START_BYTES = 65_536;
/** A longer head than of any number. */
const HEAD_BYTES = 32;
/** Beyond this a buffer is not kept for the next turn. */
const KEEP_MAX = 1_048_576;

/** Writes replies one behind the other into one buffer, which is used again as long as nobody keeps a part of it. */
export class ReplyEncoder {
  #buffer = Buffer.allocUnsafeSlow(START_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Starts anew. */
  begin(): void {
    this.#length = 0;
    if (this.#buffer.length > KEEP_MAX) this.keepWritten();
  }

  /** What has been written from `from` on; lent until `begin`. */
  since(from: number): Buffer {
    return this.#buffer.subarray(from, this.#length);
  }

  /** Somebody still refers to what was written: it is not written over. */
  keepWritten(): void {
    this.#buffer = Buffer.allocUnsafeSlow(START_BYTES);
    this.#length = 0;
  }

  write(reply: Reply, protocol: Protocol): void {
    if (typeof reply === "string") this.#bulk(reply);
    else if (reply === null) this.#text(protocol === 2 ? "$-1\r\n" : "_\r\n");
    else if (typeof reply === "number" || typeof reply === "bigint") this.#text(`:${reply}\r\n`);
    else if (reply instanceof SimpleString) this.#text(`+${reply.text}\r\n`);
    else this.#writeOther(reply, protocol);
  }

  #writeOther(reply: Exclude<Reply, string | number | bigint | null | SimpleString>, protocol: Protocol): void {
    if (reply instanceof ErrorReply) this.#text(`-${reply.text.replace(/[\r\n]/g, " ")}\r\n`);
    else if (reply instanceof NullList) this.#text(protocol === 2 ? "*-1\r\n" : "_\r\n");
    else if (reply instanceof MapReply) this.#map(reply, protocol);
    else if (reply instanceof Verbatim) this.#verbatim(reply.text, protocol);
    else {
      this.#text(`*${reply.length}\r\n`);
      for (const item of reply) this.write(item, protocol);
    }
  }

  #map({ pairs }: MapReply, protocol: Protocol): void {
    this.#text(protocol === 2 ? `*${pairs.length * 2}\r\n` : `%${pairs.length}\r\n`);
    for (const [name, value] of pairs) {
      this.write(name, protocol);
      this.write(value, protocol);
    }
  }

  #verbatim(text: string, protocol: Protocol): void {
    if (protocol === 2) this.#bulk(text);
    else this.#text(`=${text.length + 4}\r\ntxt:${text}\r\n`);
  }

  #bulk(text: string): void {
    this.#reserve(text.length + HEAD_BYTES);
    const buffer = this.#buffer;
    let at = this.#length;
    at += buffer.write(`$${text.length}\r\n`, at, "latin1");
    at += buffer.write(text, at, "latin1");
    buffer[at] = 13;
    buffer[at + 1] = 10;
    this.#length = at + 2;
  }

  #text(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, "latin1");
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
