import type { Socket } from "node:net";
import type { ConnectionEnds } from "../connection-ends.ts";
import type { Accepted } from "./acceptor.ts";
import { setConnectionEnds } from "./client-socket.ts";
import { ProxyHeaderReader } from "./proxy-header-reader.ts";

export interface ProxiedEvents {
  onAccepted(accepted: Accepted): void;
  /** A connection ended before it was one of ours. */
  onGone(): void;
}

/** The connections of one listener that begin with a header of the PROXY protocol. */
export class ProxiedConnections {
  /** Headers that are being read. */
  waiting = 0;
  readonly #timeoutMs: number;
  readonly #events: ProxiedEvents;
  /** By address and port of the other end, until it closes: a TLS socket does not say on which socket it stands. */
  readonly #clients = new Map<string, ConnectionEnds>();

  constructor(timeoutMs: number, events: ProxiedEvents) {
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  /** Who is not believed is closed at once. */
  accept(accepted: Accepted, believes: (address: string) => boolean): void {
    const { socket } = accepted;
    if (!believes(socket.remoteAddress ?? "")) {
      socket.destroy();
      return;
    }
    this.waiting += 1;
    new ProxyHeaderReader(accepted, this.#timeoutMs, {
      onHeader: (next, ends) => {
        this.waiting -= 1;
        if (ends !== null) this.#note(socket, ends);
        this.#events.onAccepted(next);
      },
      onNoHeader: () => {
        this.waiting -= 1;
        this.#events.onGone();
      },
    });
  }

  /** The TLS socket on a connection whose header was read. */
  identify(secure: Socket): void {
    const ends = this.#clients.get(endOf(secure));
    if (ends !== undefined) setConnectionEnds(secure, ends);
  }

  #note(socket: Socket, ends: ConnectionEnds): void {
    const end = endOf(socket);
    setConnectionEnds(socket, ends);
    this.#clients.set(end, ends);
    socket.on("close", () => {
      this.#clients.delete(end);
    });
  }
}

function endOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${String(remotePort)}`;
}

/** Reads in the ordinary way; what is not taken stands in the socket again. */
export function readable(socket: Socket): Accepted {
  return {
    socket,
    deliver: (reader) => {
      socket.on("data", (data: Buffer) => {
        reader.onData(data, false);
      });
    },
  };
}

/** For somebody who reads the socket himself from now on. */
export function putBack({ socket, deliver }: Accepted): void {
  socket.pause();
  socket.removeAllListeners("data");
  deliver({
    onData: (rest) => {
      socket.unshift(rest);
    },
    isStreaming: false,
    keepsInput: false,
  });
}
