import type { Socket } from "node:net";
import type { ConnectionEnds } from "../connection-ends.ts";
import type { Accepted, SocketReader } from "./acceptor.ts";
import { readProxyHeader } from "./proxy-header.ts";

const NOTHING = Buffer.alloc(0);

/** Who is told what became of a connection's header. */
export interface HeaderEvents {
  /** `ends` is null where it says nothing of a client. What follows it is delivered to whoever takes the connection now. */
  onHeader(accepted: Accepted, ends: ConnectionEnds | null): void;
  /** There was none, or no valid one in time; the connection is closed, without an answer. */
  onNoHeader(): void;
}

/** Reads the header of the PROXY protocol off a new connection, and then hands everything on. */
export class ProxyHeaderReader implements SocketReader {
  readonly #socket: Socket;
  readonly #events: HeaderEvents;
  readonly #limit: NodeJS.Timeout;
  #data: Buffer = NOTHING;
  #next: SocketReader | null = null;
  #over = false;

  constructor({ socket, deliver }: Accepted, timeoutMs: number, events: HeaderEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#limit = setTimeout(() => {
      this.#giveUp();
    }, timeoutMs);
    socket.on("error", () => undefined);
    socket.once("end", () => {
      if (this.#next === null) this.#giveUp();
    });
    socket.once("close", () => {
      if (this.#next === null) this.#giveUp();
    });
    deliver(this);
  }

  get isStreaming(): boolean {
    return this.#next?.isStreaming === true;
  }

  get keepsInput(): boolean {
    return this.#next?.keepsInput === true;
  }

  onData(data: Buffer, lent: boolean): void {
    if (this.#next !== null) this.#next.onData(data, lent);
    else if (!this.#over) this.#read(data);
  }

  #read(data: Buffer): void {
    this.#data = Buffer.concat([this.#data, data]);
    const header = readProxyHeader(this.#data);
    if (header === "more") return;
    if (header === "invalid") {
      this.#giveUp();
      return;
    }
    clearTimeout(this.#limit);
    const rest = this.#data.subarray(header.bytes);
    this.#data = NOTHING;
    const deliver: Accepted["deliver"] = (next) => {
      this.#next = next;
    };
    this.#over = true;
    this.#events.onHeader({ socket: this.#socket, deliver }, header.ends);
    if (rest.length > 0) this.onData(rest, false);
  }

  #giveUp(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#limit);
    this.#socket.destroy();
    this.#events.onNoHeader();
  }
}
