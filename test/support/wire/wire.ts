import type { Socket } from "node:net";

/** What has arrived on one socket, and how the peer ended it. Waits are for conditions, never for time to pass. */
export class Wire {
  readonly socket: Socket;
  /** Arrived and not taken yet, in latin1. */
  text = "";
  /** Everything that ever arrived. */
  received = "";
  /** The peer's FIN has come. */
  ended = false;
  /** The socket is closed on both sides, or was reset. */
  closed = false;
  /** The peer reset the connection. */
  reset = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      const text = data.toString("latin1");
      this.text += text;
      this.received += text;
      this.#wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") this.reset = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Waits until the check gives something else than null. It is asked again whenever something happens on the socket. */
  async until<T>(what: string, check: () => T | null, withinMs = 10_000): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = check();
      if (found !== null) return found;
      const left = deadline - performance.now();
      if (left <= 0 || this.closed)
        throw new Error(
          `Not before the end, or within ${withinMs} ms: ${what}. ended ${this.ended}, reset ${this.reset}, waiting: ${JSON.stringify(this.text.slice(0, 500))}`,
        );
      await this.#next(left);
    }
  }

  /** The peer has ended its side, in whatever way. */
  async gone(): Promise<void> {
    await this.until("the connection ends", () => (this.ended || this.closed ? true : null));
  }

  send(text: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  fin(): void {
    this.socket.end();
  }

  rst(): void {
    this.socket.resetAndDestroy();
  }

  #next(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
