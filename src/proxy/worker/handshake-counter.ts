import type { TLSSocket } from "node:tls";
import type { HandshakeCounts } from "../messages.ts";

const NONE: HandshakeCounts = { completed: 0, resumed: 0, failed: 0 };

/** TLS handshakes since they were last handed over. */
export class HandshakeCounter {
  #counts = NONE;

  whenDone(socket: TLSSocket): void {
    const { completed, resumed } = this.#counts;
    this.#counts = { ...this.#counts, completed: completed + 1, resumed: resumed + (socket.isSessionReused() ? 1 : 0) };
  }

  whenFailed(): void {
    this.#counts = { ...this.#counts, failed: this.#counts.failed + 1 };
  }

  hasNews(): boolean {
    return this.#counts !== NONE;
  }

  take(): HandshakeCounts {
    const counts = this.#counts;
    this.#counts = NONE;
    return counts;
  }
}
