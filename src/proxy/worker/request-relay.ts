import type { Socket } from "node:net";
import { ChunkedDecoder } from "./chunked.ts";
import type { Limits } from "./limits.ts";
import type { BodyLength, RequestHead } from "./request-head.ts";

const LAST_CHUNK = "0\r\n\r\n";
const LENGTH_EXPECTED = new Set(["POST", "PUT", "PATCH"]);

/** Passes the body of one request on, framed anew. */
export class RequestRelay {
  /** The whole body has come. */
  complete: boolean;
  #left: number;
  readonly #decoder: ChunkedDecoder | null;

  constructor(body: BodyLength, limits: Limits) {
    this.#decoder = body === "chunked" ? new ChunkedDecoder(limits) : null;
    this.#left = body === "chunked" ? 0 : body;
    this.complete = body === 0;
  }

  /** Gives how many bytes of the input belong to the body, or null when its framing is broken. */
  relay(data: Buffer, upstream: Socket): number | null {
    return this.#decoder === null ? this.#relayCounted(data, upstream) : this.#relayChunked(this.#decoder, data, upstream);
  }

  #relayCounted(data: Buffer, upstream: Socket): number {
    const used = Math.min(data.length, this.#left);
    upstream.write(used === data.length ? data : data.subarray(0, used));
    this.#left -= used;
    this.complete = this.#left === 0;
    return used;
  }

  #relayChunked(decoder: ChunkedDecoder, data: Buffer, upstream: Socket): number | null {
    const decoded = decoder.decode(data);
    if (decoded === null) return null;
    upstream.cork();
    for (const payload of decoded.payload) writeChunk(upstream, payload);
    if (decoded.done) upstream.write(LAST_CHUNK, "latin1");
    upstream.uncork();
    this.complete = decoded.done;
    return decoded.used;
  }
}

export function writeChunk(socket: Socket, payload: Buffer): void {
  if (payload.length === 0) return;
  socket.write(`${payload.length.toString(16)}\r\n`, "latin1");
  socket.write(payload);
  socket.write("\r\n", "latin1");
}

/** The fields that frame the body towards the application, and what asks it to switch protocols or to say 100. */
export function requestFraming(head: RequestHead): string {
  let fields = "";
  if (head.body === "chunked") fields = "Transfer-Encoding: chunked\r\n";
  else if (head.body > 0 || LENGTH_EXPECTED.has(head.method)) fields = `Content-Length: ${String(head.body)}\r\n`;
  if (head.expectContinue && head.body !== 0) fields += "Expect: 100-continue\r\n";
  if (head.upgrade !== null) fields += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return fields;
}
