import { constants, performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { ClientHost, Door, OpenConnection } from "../client-host.ts";
import { Registry } from "../registry.ts";
import { serverNameOf } from "../server-name.ts";
import { ClientStream } from "./client-stream.ts";

/** After the first GOAWAY the client has this long to have its last requests on the way (RFC 9113 section 6.8). */
const GOAWAY_MS = 1_000;
const LAST_STREAM_OPEN = 2 ** 31 - 1;
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

/** One client's HTTP/2 connection. What h2 clients may do wrong is nghttp2's to refuse; limits after docs/architecture.md. */
export class ClientSession implements OpenConnection {
  slot = -1;
  readonly #session: ServerHttp2Session;
  readonly #host: ClientHost;
  readonly #streams = new Registry<ClientStream>();
  #movedAt = Date.now();
  #goneAwayAt = 0;

  /** What the socket has already read may stand in it (`unshift`). */
  constructor(socket: Socket, door: Door, host: ClientHost) {
    this.#host = host;
    const remoteAddress = socket.remoteAddress ?? "unknown";
    const serverName = serverNameOf(socket);
    const { http2StreamsMax, headersMax, headBytesMax, http2StreamWindow, http2ConnectionWindow } = host.limits;
    this.#session = performServerHandshake(socket, {
      maxSessionMemory: 10,
      maxHeaderListPairs: headersMax,
      settings: {
        maxConcurrentStreams: http2StreamsMax,
        initialWindowSize: http2StreamWindow,
        maxHeaderListSize: headBytesMax,
        enablePush: false,
      },
    });
    this.#session.setLocalWindowSize(http2ConnectionWindow);
    this.#session.on("error", () => undefined);
    // Who has closed its side cannot acknowledge anything any more: what waits here is not waited for.
    socket.on("end", () => {
      this.#session.destroy();
    });
    this.#session.on("stream", (stream, _headers, flags, fields: string[]) => {
      this.#movedAt = Date.now();
      const request = new ClientStream(stream, { host, door, remoteAddress, serverName });
      this.#streams.add(request);
      stream.on("close", () => {
        this.#movedAt = Date.now();
        this.#streams.delete(request);
      });
      request.start(fields, (flags & END_STREAM) !== 0);
    });
  }

  sweep(now: number): void {
    for (const stream of this.#streams.values()) stream.sweep(now);
    if (this.#goneAwayAt > 0 && now - this.#goneAwayAt > GOAWAY_MS) this.close();
    else if (this.#streams.size === 0 && now - this.#movedAt > this.#host.limits.clientKeepAliveMs) this.drain();
  }

  /** Takes no new requests, in two steps so that none is lost on the way. */
  drain(): void {
    if (this.#goneAwayAt > 0 || this.#session.destroyed) return;
    this.#goneAwayAt = Date.now();
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_OPEN);
  }

  /** Ends when the streams that are open have ended. */
  close(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }
}
