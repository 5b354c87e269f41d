import { clientAddress } from "./client-socket.ts";
import type { Socket } from "node:net";

/** How many connections each client has on one listener. A client is known by its address. */
export class ClientPlaces {
  /** Connections that one client may have. Those that came while there was no limit are not counted. */
  max = Infinity;
  readonly #taken = new Map<string, number>();

  /** Takes a place until the socket closes; false if its client has all that it may have. */
  take(socket: Socket): boolean {
    if (this.max === Infinity) return true;
    const address = clientAddress(socket);
    // It has left already.
    if (socket.remoteAddress === undefined) return true;
    const taken = this.#taken.get(address) ?? 0;
    if (taken >= this.max) return false;
    this.#taken.set(address, taken + 1);
    socket.once("close", () => {
      this.#leave(address);
    });
    return true;
  }

  #leave(address: string): void {
    const left = (this.#taken.get(address) ?? 1) - 1;
    if (left > 0) this.#taken.set(address, left);
    else this.#taken.delete(address);
  }
}
