import { connect, type ClientHttp2Session } from "node:http2";
import type { Limits } from "../limits.ts";
import type { Upstream } from "../upstream.ts";
import type { TargetPool } from "../target-pool.ts";
import { UpstreamStream } from "./upstream-stream.ts";

interface Open {
  readonly session: ClientHttp2Session;
  readonly waiting: Set<UpstreamStream>;
  readonly since: number;
  connected: boolean;
  streams: number;
  idleSince: number;
}

/** The HTTP/2 connections to one target: few, shared by many requests at a time. */
export class UpstreamSessions implements TargetPool {
  readonly #url: string;
  readonly #limits: Limits;
  readonly #open = new Set<Open>();
  #retired = false;

  constructor(host: string, port: number, limits: Limits) {
    this.#url = `http://${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
    this.#limits = limits;
  }

  /** A stream on a connection that stands and has room. A session knows at once when its peer goes, so none is too old. */
  take(): Upstream | null {
    for (const open of this.#open) if (open.connected && this.#hasRoom(open)) return this.#streamOn(open);
    return null;
  }

  /** A stream on a connection that is being made, or a new one. */
  dial(): Upstream {
    for (const open of this.#open) if (!open.connected && this.#hasRoom(open)) return this.#streamOn(open);
    return this.#streamOn(this.#connect());
  }

  give(upstream: Upstream): void {
    upstream.destroy();
  }

  noteStale(): void {}

  sweep(now: number): void {
    for (const open of this.#open) {
      if (open.streams === 0 && now - open.idleSince > this.#limits.http2IdleMs) open.session.close();
      else if (!open.connected && now - open.since > this.#limits.connectTimeoutMs) open.session.destroy();
    }
  }

  retire(): void {
    this.#retired = true;
    for (const { session, streams } of this.#open) if (streams === 0) session.close();
  }

  revive(): void {
    this.#retired = false;
  }

  #hasRoom({ session, streams }: Open): boolean {
    const max = Math.min(session.remoteSettings.maxConcurrentStreams ?? Infinity, this.#limits.http2StreamsMax);
    return !session.closed && !session.destroyed && streams < max;
  }

  #streamOn(open: Open): Upstream {
    const stream = new UpstreamStream(open.session, this.#limits.headersMax, () => {
      open.streams -= 1;
      open.idleSince = Date.now();
      open.waiting.delete(stream);
      if (this.#retired && open.streams === 0) open.session.close();
    });
    open.streams += 1;
    if (open.connected) {
      stream.connected = true;
      stream.reused = true;
    } else open.waiting.add(stream);
    return stream;
  }

  #connect(): Open {
    const { http2StreamWindow, http2ConnectionWindow } = this.#limits;
    const options = {
      settings: { enablePush: false, initialWindowSize: http2StreamWindow },
      // What a client sent twice is the application's to judge; the types do not know it yet.
      strictSingleValueFields: false,
    };
    const session = connect(this.#url, options);
    const since = Date.now();
    const open: Open = { session, waiting: new Set(), since, connected: false, streams: 0, idleSince: since };
    this.#open.add(open);
    session.on("connect", () => {
      open.connected = true;
      session.setLocalWindowSize(http2ConnectionWindow);
      for (const stream of [...open.waiting]) stream.onConnect();
      open.waiting.clear();
    });
    session.on("error", () => undefined);
    session.on("close", () => {
      this.#open.delete(open);
      for (const stream of [...open.waiting]) stream.onSessionClose();
    });
    return open;
  }
}
