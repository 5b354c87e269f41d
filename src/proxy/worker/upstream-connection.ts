import { connect, type Socket } from "node:net";

/** What uses an upstream connection at the moment. */
export interface UpstreamUser {
  onUpstreamConnect(): void;
  onUpstreamData(data: Buffer): void;
  onUpstreamEnd(): void;
  /** The connection is gone, with or without an error; called once. */
  onUpstreamClose(error: Error | null): void;
  onUpstreamDrain(): void;
}

/**
 * One connection to an instance. Its listeners are set once for its life and look up who uses it now. Whatever arrives while nobody does
 * makes it useless: an answer nobody asked for must never reach the next client (RFC 9112 section 9.2).
 */
export class UpstreamConnection {
  readonly socket: Socket;
  user: UpstreamUser | null = null;
  /** The socket is connected; before that nothing has reached the application. */
  connected = false;
  /** It has carried a request before. */
  reused = false;
  idleSince = 0;
  #spoilt = false;
  #error: Error | null = null;
  #onClosed: (connection: UpstreamConnection) => void;

  constructor(host: string, port: number, onClosed: (connection: UpstreamConnection) => void) {
    this.#onClosed = onClosed;
    this.socket = connect({ host, port, noDelay: true, autoSelectFamily: false, allowHalfOpen: true });
    this.socket.on("connect", () => {
      this.connected = true;
      this.user?.onUpstreamConnect();
    });
    this.socket.on("data", (data: Buffer) => {
      if (this.user === null) this.destroy();
      else this.user.onUpstreamData(data);
    });
    this.socket.on("end", () => {
      this.#spoilt = true;
      if (this.user === null) this.destroy();
      else this.user.onUpstreamEnd();
    });
    this.socket.on("drain", () => this.user?.onUpstreamDrain());
    this.socket.on("error", (error: Error) => (this.#error = error));
    this.socket.on("close", () => {
      this.#spoilt = true;
      const { user } = this;
      this.user = null;
      this.#onClosed(this);
      user?.onUpstreamClose(this.#error);
    });
  }

  /** False as soon as anything speaks against sending another request on it. */
  isUsable(): boolean {
    return !this.#spoilt && !this.socket.destroyed && this.socket.writable;
  }

  /** Closes it; a user is told by `onUpstreamClose`. */
  destroy(): void {
    this.#spoilt = true;
    this.socket.destroy();
  }
}
