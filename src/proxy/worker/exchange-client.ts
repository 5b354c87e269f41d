import type { ConnectionEnds } from "../connection-ends.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { ResponseHead } from "./response-head.ts";

/** The client of one request, whatever protocol it speaks, as the exchange may use it. */
export interface ExchangeClient extends ClientAddress {
  /** `performance.now()` of the request's first byte. */
  readonly requestBeganAt: number;
  /** Of its connection; null when that is gone. */
  readonly ends: ConnectionEnds | null;
  /** The client has closed its side, but may still read. */
  readonly halfClosed: boolean;
  readonly gone: boolean;
  /** A part of the request's body has come and waits. */
  readonly hasInput: boolean;
  /** How much has come and waits. */
  readonly waitingBytes: number;
  /** Asked while it waits and nothing of it is read: whether the client has gone meanwhile. */
  readonly hasLeft: boolean;
  /** Some byte of the final answer has been written. */
  readonly forwarded: boolean;
  /** The client cannot take more at the moment; `onClientDrain` follows. */
  isClogged(): boolean;
  /** Everything that was written has been handed to the kernel. */
  isFlushed(): boolean;
  whenFlushed(callback: () => void): void;

  // --- the request's body ---

  pause(): void;
  /** The request waits: the client's leaving has to be seen. */
  readOn(): void;
  /** The application can take more of the body: what waits here first, then what comes. */
  resumeBody(): void;

  // --- the application's answer; `close`: the connection has to end after it ---

  interim(head: ResponseHead): void;
  /** `body` is latin1 text. */
  whole(head: ResponseHead, body: string, close: boolean): void;
  begin(head: ResponseHead, close: boolean, more: boolean): void;
  body(data: Buffer, more: boolean): void;
  /** `trailers` are lines with their CRLF. */
  end(trailers: string | null): void;
  /** The answer is out; the next request may be looked at. */
  whenAnswered(close: boolean): void;

  // --- other ends ---

  /** An answer of the proxy's own; it also ends the request. */
  answer(own: OwnAnswer, options: { close: boolean; bodyless?: boolean }): void;
  /** The client must see that its answer is not whole (or it is gone anyway). */
  abort(): void;

  // --- tunnels ---

  switchTo(head: ResponseHead): void;
  raw(data: Buffer): void;
  /** The application's side of the tunnel has ended. */
  endRaw(): void;
  closeTunnel(): void;
}
