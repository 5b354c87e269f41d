import type { Socket } from "node:net";
import { ChunkedDecoder } from "./chunked.ts";
import type { Limits } from "./limits.ts";
import { isRefusal } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { writeChunk } from "./request-relay.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

export type ResponseProgress =
  | "more"
  /** The answer is whole and has been handed to the client's socket. */
  | "complete"
  /** Not HTTP, or its framing is broken. */
  | "broken"
  /** 101: from now on bytes go both ways as they are. */
  | "switched";

const HEAD_END = Buffer.from("\r\n\r\n");
const INTERIM_MAX = 16;
/** Up to this many bytes head and body go to the client in one string. */
const ONE_WRITE_BYTES = 16_384;
const LAST_CHUNK = "0\r\n\r\n";
/** The proxy itself waits 75 s: a client that keeps to this never meets the closing (docs/architecture.md, limits). */
const KEEP_ALIVE = "Connection: keep-alive\r\nKeep-Alive: timeout=73\r\n";

/** Reads the answer to one request and passes it on to the client, framed anew. */
export class ResponseRelay {
  /** Null until the final head has come. */
  status: number | null = null;
  /** Some byte has come from the application. */
  began = false;
  /** Some byte of the final answer has gone to the client. */
  forwarded = false;
  /** The client was told that its connection ends after this. */
  closesClient = false;
  idleHintMs: number | null = null;
  /** What came after the switch of protocols. */
  rest: Buffer | null = null;
  readonly #request: RequestHead;
  readonly #client: Socket;
  readonly #limits: Limits;
  readonly #mustClose: () => boolean;
  #partial: Buffer | null = null;
  #interim = 0;
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #untilClose = false;
  #rechunk = false;
  #keepAlive = false;
  #extra = false;

  /** `mustClose` is asked when the head is sent: whether the client's connection has to end after this answer. */
  constructor(request: RequestHead, client: Socket, limits: Limits, mustClose: () => boolean) {
    this.#request = request;
    this.#client = client;
    this.#limits = limits;
    this.#mustClose = mustClose;
  }

  /** The upstream connection can carry another request. */
  get reusable(): boolean {
    return this.#keepAlive && !this.#untilClose && !this.#extra;
  }

  take(data: Buffer): ResponseProgress {
    this.began = true;
    return this.status === null ? this.#takeHead(data) : this.#takeBody(data);
  }

  /** The application has closed its side. */
  end(): ResponseProgress {
    if (this.status === null || !this.#untilClose) return "broken";
    if (this.#rechunk) this.#client.write(LAST_CHUNK, "latin1");
    return "complete";
  }

  #takeHead(piece: Buffer): ResponseProgress {
    const data = this.#partial === null ? piece : Buffer.concat([this.#partial, piece]);
    const end = data.indexOf(HEAD_END);
    if (end < 0 || end > this.#limits.headBytesMax) {
      this.#partial = data;
      return data.length > this.#limits.headBytesMax ? "broken" : "more";
    }
    this.#partial = null;
    const head = parseResponseHead(data.toString("latin1", 0, end + 4), this.#limits.headersMax);
    if (isRefusal(head)) return "broken";
    const rest = data.subarray(end + 4);
    if (head.status === 101) return this.#switch(head, rest);
    if (head.status < 200) return this.#passInterim(head, rest);
    return this.#begin(head, rest);
  }

  /** 1xx: for HTTP/1.1 clients only (RFC 9110 section 15.2). */
  #passInterim(head: ResponseHead, rest: Buffer): ResponseProgress {
    this.#interim += 1;
    if (this.#interim > INTERIM_MAX) return "broken";
    if (this.#request.minor === 1) this.#client.write(`${head.forward}\r\n`, "latin1");
    return rest.length === 0 ? "more" : this.#takeHead(rest);
  }

  #switch(head: ResponseHead, rest: Buffer): ResponseProgress {
    if (this.#request.upgrade === null || head.upgrade === null) return "broken";
    this.status = 101;
    this.forwarded = true;
    this.rest = rest.length === 0 ? null : rest;
    this.#client.write(`${head.forward}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`, "latin1");
    return "switched";
  }

  #begin(head: ResponseHead, rest: Buffer): ResponseProgress {
    this.status = head.status;
    this.forwarded = true;
    this.#keepAlive = head.keepAlive;
    this.idleHintMs = head.idleHintMs;
    const bodyless = this.#request.method === "HEAD" || head.status === 204 || head.status === 304;
    const fields = bodyless ? bodylessFraming(head) : this.#framing(head);
    this.closesClient = this.#mustClose() || (!bodyless && head.body !== head.length && !this.#rechunk);
    const text = `${head.forward}${fields}${this.closesClient ? "Connection: close\r\n" : KEEP_ALIVE}\r\n`;
    if (bodyless) return this.#finishWith(text, rest);
    if (head.body === rest.length && rest.length <= ONE_WRITE_BYTES)
      return this.#finishWith(text + rest.toString("latin1"), null);
    this.#client.cork();
    this.#client.write(text, "latin1");
    const progress =
      this.#left === 0 && this.#decoder === null && !this.#untilClose ? this.#finishWith("", rest) : this.#takeBody(rest);
    this.#client.uncork();
    return progress;
  }

  #framing(head: ResponseHead): string {
    if (typeof head.body === "number") {
      this.#left = head.body;
      return `Content-Length: ${String(head.body)}\r\n`;
    }
    if (head.body === "chunked") this.#decoder = new ChunkedDecoder(this.#limits);
    else this.#untilClose = true;
    this.#rechunk = this.#request.minor === 1;
    return this.#rechunk ? "Transfer-Encoding: chunked\r\n" : "";
  }

  #finishWith(text: string, rest: Buffer | null): ResponseProgress {
    if (text !== "") this.#client.write(text, "latin1");
    if (rest !== null && rest.length > 0) this.#extra = true;
    return "complete";
  }

  #takeBody(data: Buffer): ResponseProgress {
    if (this.#decoder !== null) return this.#takeChunked(this.#decoder, data);
    if (this.#untilClose) {
      this.#pass(data);
      return "more";
    }
    const used = Math.min(this.#left, data.length);
    if (used > 0) this.#client.write(used === data.length ? data : data.subarray(0, used));
    this.#left -= used;
    if (data.length > used) this.#extra = true;
    return this.#left === 0 ? "complete" : "more";
  }

  #takeChunked(decoder: ChunkedDecoder, data: Buffer): ResponseProgress {
    const decoded = decoder.decode(data);
    if (decoded === null) return "broken";
    this.#client.cork();
    for (const payload of decoded.payload) this.#pass(payload);
    if (decoded.done && this.#rechunk) this.#client.write(LAST_CHUNK, "latin1");
    this.#client.uncork();
    if (data.length > decoded.used) this.#extra = true;
    return decoded.done ? "complete" : "more";
  }

  #pass(payload: Buffer): void {
    if (this.#rechunk) writeChunk(this.#client, payload);
    else if (payload.length > 0) this.#client.write(payload);
  }
}

/** HEAD and 304 may say how long the body would be (RFC 9110 section 8.6); 204 has none. */
function bodylessFraming(head: ResponseHead): string {
  return head.length === null || head.status === 204 ? "" : `Content-Length: ${String(head.length)}\r\n`;
}
