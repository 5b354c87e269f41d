import { constants, performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { NO_RELEASE } from "../../../core/ledger.ts";
import { clientAddress, connectionEnds, serverNameOf } from "../client-socket.ts";
import type { ClientHost, Door, OpenConnection } from "../client-host.ts";
import { Registry } from "../registry.ts";
import { ClientStream, type StreamPlace } from "./client-stream.ts";

const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

/** Whoever has an error here also closes, and that is what counts. */
const ignore = (): void => undefined;

/** One client's HTTP/2 connection. What h2 clients may do wrong is nghttp2's to refuse; limits after docs/architecture.md. */
export class ClientSession implements OpenConnection {
  slot = -1;
  readonly #session: ServerHttp2Session;
  readonly #host: ClientHost;
  readonly #streams = new Registry<ClientStream>();
  #movedAt = Date.now();
  /** It has sent a request: it may wait longer with the next one than a new one with its first. */
  #asked = false;
  #drainingSince = 0;

  /** What the socket has already read may stand in it (`unshift`). */
  constructor(socket: Socket, door: Door, host: ClientHost) {
    this.#host = host;
    const { http2StreamsMax, headersMax, headBytesMax, http2StreamWindow, http2ConnectionWindow } = host.limits;
    this.#session = performServerHandshake(socket, {
      maxSessionMemory: 10,
      strictSingleValueFields: false,
      maxHeaderListPairs: headersMax,
      settings: {
        maxConcurrentStreams: http2StreamsMax,
        initialWindowSize: http2StreamWindow,
        maxHeaderListSize: headBytesMax,
        enablePush: false,
      },
    });
    this.#session.setLocalWindowSize(http2ConnectionWindow);
    this.#session.on("error", ignore);
    const remoteAddress = clientAddress(socket);
    const session = this.#session;
    const ends = connectionEnds(socket);
    const place: StreamPlace = { host, door, remoteAddress, ends, serverName: serverNameOf(socket), session };
    // Who has closed its side cannot acknowledge anything any more: what waits here is not waited for.
    socket.once("end", () => {
      this.#session.destroy();
    });
    this.#session.on("stream", (stream, _headers, flags, fields: string[]) => {
      this.#movedAt = Date.now();
      this.#asked = true;
      stream.on("error", ignore);
      if (stream.destroyed || stream.closed) {
        // Taken back in the same breath: its `close` may have been already.
        door.router.begin().end(NO_RELEASE, "clientGone", 0);
        return;
      }
      const request = new ClientStream(stream, place);
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
    if (this.#drainingSince > 0) this.#closeInALull(now);
    else if (this.#streams.size === 0 && now - this.#movedAt > this.#idleMs()) this.close();
  }

  #idleMs(): number {
    const { clientKeepAliveMs, headTimeoutMs } = this.#host.limits;
    return this.#asked ? clientKeepAliveMs : headTimeoutMs;
  }

  /**
   * Ends as soon as it has been quiet for a while, or after some seconds between two requests or in the middle of them. The two steps of
   * RFC 9113 section 6.8 are not to be had: once nghttp2 has sent any GOAWAY by Node's calls it takes no new request. What a client had on the
   * way just then gets nowhere; the GOAWAY tells it so, and that it may be sent again, as browsers and gRPC do by themselves.
   */
  drain(): void {
    if (this.#drainingSince === 0) this.#drainingSince = Date.now();
  }

  #closeInALull(now: number): void {
    const { http2QuietMs, http2BusyMs } = this.#host.limits;
    const since = now - this.#drainingSince;
    const isIdle = this.#streams.size === 0;
    if ((isIdle && (now - this.#movedAt > http2QuietMs || since > http2BusyMs)) || since > 2 * http2BusyMs) this.close();
  }

  /** GOAWAY; ends when the streams that are open have ended. */
  close(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }
}
