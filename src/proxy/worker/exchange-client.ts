import type { Socket } from "node:net";
import type { ClientAddress } from "./forwarded-fields.ts";

/** The client's connection, as the exchange on it may use it. */
export interface ExchangeClient extends ClientAddress {
  readonly socket: Socket;
  /** `performance.now()` of the request's first byte. */
  readonly requestBeganAt: number;
  /** The client has closed its side, but may still read. */
  readonly halfClosed: boolean;
  readonly gone: boolean;
  /** Whether the connection has to end after the present answer. */
  mustClose(): boolean;
  pause(): void;
  /** The application can take more of the body: what waits here first, then what comes. */
  resumeBody(): void;
  /** Everything that was written has been handed to the kernel. */
  flushed(): boolean;
  whenFlushed(callback: () => void): void;
  /** An answer of the proxy's own; it also ends the request. */
  answer(status: number, reason: string, options: { close: boolean; bodyless?: boolean }): void;
  /** The answer is out; the next request may be looked at. */
  whenAnswered(close: boolean): void;
  /** The client must see that its answer is not whole (or it is gone anyway). */
  abort(): void;
  endTunnel(): void;
}
