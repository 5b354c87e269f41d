import type net from "node:net";
import type { Store } from "../store.ts";
import { AspNetConnection, type AspNetHost } from "./connection.ts";
import { encodeReply } from "./reply.ts";
import type { AspNetRequest } from "./request-reader.ts";
import { AspNetSessions } from "./sessions.ts";

export interface AspNetDoorOptions {
  readonly store: Store;
  readonly contentMax: number;
  readonly isHolding: () => boolean;
}

/** The connections of web servers that speak the ASP.NET State Server Protocol, and the sessions they come for. */
export class AspNetDoor implements AspNetHost {
  readonly connections = new Set<AspNetConnection>();
  requests = 0;
  readonly contentMax: number;
  readonly #store: Store;
  readonly #isHolding: () => boolean;
  readonly #sessions: AspNetSessions;

  constructor({ store, contentMax, isHolding }: AspNetDoorOptions) {
    this.contentMax = contentMax;
    this.#store = store;
    this.#isHolding = isHolding;
    this.#sessions = new AspNetSessions({
      keyspace: store.keyspace,
      hasRoom: () => store.hasRoom(),
      unwritable: () => store.log.unwritable,
    });
  }

  get holding(): boolean {
    return this.#isHolding();
  }

  open(socket: net.Socket): AspNetConnection {
    const connection = new AspNetConnection(socket, this);
    this.connections.add(connection);
    return connection;
  }

  answer(request: AspNetRequest): { readonly bytes: Buffer; readonly batch: number } {
    this.requests += 1;
    this.#store.keyspace.barrier = 0;
    const bytes = encodeReply(this.#sessions.run(request, Date.now()));
    return { bytes, batch: this.#store.keyspace.barrier };
  }

  settled(): number {
    return this.#store.log.settled;
  }

  onClosed(connection: AspNetConnection): void {
    this.connections.delete(connection);
  }

  settle(batch: number): void {
    for (const connection of this.connections) connection.settle(batch);
  }

  /** Requests that waited run. */
  release(): void {
    for (const connection of this.connections) connection.run();
  }

  end(): void {
    for (const connection of this.connections) connection.end();
  }

  /** Those that are in the midst of something, and have not moved for `ms`, go. */
  dropStuck(now: number, ms: number): void {
    for (const connection of this.connections)
      if (!connection.isQuiet && now - connection.since > ms) connection.socket.destroy();
  }
}
