import type { Limits } from "../limits.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { CODE, STREAM_ID_MAX } from "./protocol.ts";

/** Tells our PING before the last GOAWAY from others. */
const LAST_CALL = "lastcall";
/** A client that does not answer it gets the last GOAWAY all the same, after so many milliseconds. */
const LAST_CALL_MS = 1_000;

/**
 * How a connection ends in order: GOAWAY in two steps (RFC 9113 section 6.8). The first announces it, and what the client had on the way just
 * then is served; the second follows when the client has seen the first. All times are milliseconds since the epoch.
 */
export class SessionEnd {
  readonly #writer: FrameWriter;
  readonly #limits: Limits;
  #drainingSince = 0;
  #announcedAt = 0;
  #finishedAt = 0;

  constructor(writer: FrameWriter, limits: Limits) {
    this.#writer = writer;
    this.#limits = limits;
  }

  /** The worker ends. */
  drain(): void {
    if (this.#drainingSince === 0) this.#drainingSince = Date.now();
  }

  get isDraining(): boolean {
    return this.#drainingSince > 0;
  }

  /**
   * True as soon as it has been quiet for a while, or after some seconds between two requests or in the middle of them: a client need lose
   * nothing, but not every program takes a GOAWAY as calmly as browsers and gRPC do.
   */
  isLull(now: number, { isIdle, movedAt }: { isIdle: boolean; movedAt: number }): boolean {
    const { http2QuietMs, http2BusyMs } = this.#limits;
    const since = now - this.#drainingSince;
    return (isIdle && (now - movedAt > http2QuietMs || since > http2BusyMs)) || since > 2 * http2BusyMs;
  }

  /** The first step is taken and the second is not. */
  get isAnnounced(): boolean {
    return this.#announcedAt > 0;
  }

  announce(): void {
    this.#announcedAt = Date.now();
    this.#writer.goaway(STREAM_ID_MAX, CODE.none);
    this.#writer.ping(LAST_CALL, 0);
  }

  /** Whether a PING that has come back is the client's word that it has seen the first step. */
  isSeen(payload: string): boolean {
    return this.isAnnounced && payload === LAST_CALL;
  }

  /** The client was given time enough to say so. */
  isOverdue(now: number): boolean {
    return this.isAnnounced && now - this.#announcedAt > LAST_CALL_MS;
  }

  /** The second step: what comes after this stream is not served. */
  sayLast(stream: number): void {
    this.#announcedAt = 0;
    this.#writer.goaway(stream, CODE.none);
  }

  /** Nothing is left to be sent. */
  finish(): void {
    if (this.isFinished) return;
    this.#finishedAt = Date.now();
    this.#writer.end();
  }

  get isFinished(): boolean {
    return this.#finishedAt > 0;
  }

  /** The client has not closed its side. */
  isLeftOpen(now: number): boolean {
    return this.isFinished && now - this.#finishedAt > this.#limits.lingerIdleMs;
  }
}
