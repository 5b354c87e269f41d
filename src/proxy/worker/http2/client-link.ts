import type { ConnectionEnds } from "../../connection-ends.ts";
import type { ClientHost, Door } from "../client-host.ts";
import type { ClientSettings } from "./client-settings.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { SendWindow } from "./send-window.ts";

/** A stream as its connection sees it. */
export interface LinkedStream {
  readonly number: number;
  /** What the client lets us send on it. */
  readonly window: SendWindow;
  /** Both sides have ended, or it was reset. */
  readonly isOver: boolean;
  /** Its instance may go on. */
  readonly isFree: boolean;
  /** Sends one frame of what waits. False: there is nothing that may be sent. */
  sendFrame(): boolean;
  onFree(): void;
  isFlushed(): boolean;
  onWritten(): void;
  /** It was reset by either side, or the connection is gone. */
  onGone(): void;
  sweep(now: number): void;
}

/** A connection as its streams see it. */
export interface ClientLink {
  readonly writer: FrameWriter;
  /** What the client lets us send, over all streams. */
  readonly window: SendWindow;
  /** Some stream has more to send than could be sent. */
  readonly hasWaiting: boolean;
  /** It has more to send than may be sent now, and takes its turn. */
  wait(stream: LinkedStream): void;
  /** It is told when it can take more. */
  noteClogged(stream: LinkedStream): void;
  /** It is told when everything has been handed to the kernel. */
  noteUnwritten(stream: LinkedStream): void;
  /** The client has made a mistake on it (RFC 9113 section 5.4.2). */
  resetByMistake(stream: LinkedStream, code?: number): void;
  /** It is over. */
  forget(stream: LinkedStream): void;
}

/** What a stream needs to know of its connection. */
export interface StreamPlace {
  readonly host: ClientHost;
  readonly door: Door;
  readonly remoteAddress: string;
  /** Of its connection. */
  readonly ends: ConnectionEnds | null;
  /** What was asked for by SNI. */
  readonly serverName: string | null;
  readonly link: ClientLink;
  readonly settings: ClientSettings;
}
