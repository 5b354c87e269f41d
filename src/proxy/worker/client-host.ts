import type { Socket } from "node:net";
import type { ChallengeAnswers } from "../tls/challenges.ts";
import type { SocketReader } from "./acceptor.ts";
import type { Limits } from "./limits.ts";
import type { Registered } from "./registry.ts";
import type { Router } from "./router.ts";

/** A client's connection as its worker looks after it. */
export interface OpenConnection extends Registered {
  /** Ends what has taken too long. */
  sweep(now: number): void;
  /** The worker finishes: takes no more requests as soon as that loses none. */
  drain(): void;
  /** Ends it between two requests. */
  close(): void;
}

/** What a client connection needs from the worker it belongs to. */
export interface ClientHost {
  readonly limits: Limits;
  readonly challenges: ChallengeAnswers;
  /** The worker finishes: every answer ends its connection. */
  isDraining(): boolean;
  /** Said by the connection itself: a listener of the worker's own for each would be 200 bytes more. */
  closed(connection: OpenConnection): void;
  /** The client speaks HTTP/2 from its first byte (RFC 9113 section 3.3); gives who takes all that is read, from the preface on. */
  serveHttp2(socket: Socket, door: Door, instead: OpenConnection): SocketReader;
}

/** Where a connection came in. */
export interface Door {
  /** Tells whose the requests are. */
  readonly router: Router;
  readonly secure: boolean;
}
