import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import type { SentBody } from "./sent-body.ts";

/**
 * One way to an instance that carries one request at a time: a connection that speaks HTTP/1.1, or a stream of HTTP/2. Its user is told what
 * comes; whoever has none is idle.
 */
export interface Upstream {
  user: UpstreamUser | null;
  /** The header of the PROXY protocol that it began with (latin1): it is good for that client's requests only. Empty: for all. */
  readonly preface: string;
  /** Until then nothing has reached the application. */
  readonly connected: boolean;
  /** It has carried a request before. */
  reused: boolean;
  /** Some byte of the present answer has come. */
  readonly began: boolean;
  /** The application has said that it did nothing with the request, or it was never sent: it may go elsewhere with this body (R5; RFC 9113 section 8.7). */
  readonly refused: SentBody | null;
  /** After a whole answer: it can carry another request. */
  readonly reusable: boolean;
  /** `Keep-Alive: timeout=N` of the present answer, in milliseconds. */
  readonly idleHintMs: number | null;
  /** Since when it has carried nothing (milliseconds since the epoch). */
  idleSince: number;
  /** False as soon as anything speaks against sending another request on it. */
  isUsable(): boolean;
  /** `fields`: what the proxy adds, each line with its CRLF. `more`: a part of the body follows in the same turn, or `flush`. */
  sendHead(head: RequestHead, fields: string, more: boolean): void;
  /** A piece of the body, which it may keep. */
  sendBody(data: Buffer, more: boolean): void;
  /** The body is whole; `trailers` are lines with their CRLF. */
  endBody(trailers: string | null): void;
  flush(): void;
  /** Bytes of a tunnel, which it may keep. */
  sendRaw(data: Buffer): void;
  /** The client's side of the tunnel has ended. */
  endRaw(): void;
  /** The application cannot take more at the moment; `onUpstreamDrain` follows. */
  isClogged(): boolean;
  /** Everything that was sent has been handed to the kernel. */
  isFlushed(): boolean;
  pause(): void;
  resume(): void;
  /** Gives it up; a user is told by `onUpstreamClose`. */
  destroy(): void;
}

/** Takes the parts of one answer in their order: any number of interim ones, then either a whole one, or head, body and end, or a switch. */
export interface ResponseSink {
  /** 1xx but 101. */
  onInterim(head: ResponseHead): void;
  /** An answer that came in one piece; its body as latin1 text. */
  onWhole(head: ResponseHead, body: string): void;
  /** `more`: another part follows in the same turn. */
  onHead(head: ResponseHead, more: boolean): void;
  /** The data may be kept. */
  onBody(data: Buffer, more: boolean): void;
  /** `trailers` are lines with their CRLF. */
  onEnd(trailers: string | null): void;
  /** Not HTTP, or its framing is broken, or it ended before it was whole. */
  onBroken(): void;
  /** 101: from now on bytes go both ways as they are. */
  onSwitched(head: ResponseHead, rest: Buffer | null): void;
  onRaw(data: Buffer): void;
  /** The application has closed its side of the tunnel. */
  onRawEnd(): void;
}

export interface UpstreamUser extends ResponseSink {
  onUpstreamConnect(): void;
  /** It is gone, with or without an error; called once. */
  onUpstreamClose(): void;
  onUpstreamDrain(): void;
  /** Everything that was passed on has been handed to the kernel of the client's socket. */
  isPassedOn(): boolean;
}
