import type { Socket } from "node:net";

const told = new WeakMap<Socket, string>();

/** Somebody in front, who is believed, has said whose connection it is. */
export function setClientAddress(socket: Socket, address: string): void {
  told.set(socket, address);
}

/** Whose connection it is. */
export function clientAddress(socket: Socket): string {
  return told.get(socket) ?? socket.remoteAddress ?? "unknown";
}

/** The name that a TLS client asked for (SNI), or null. */
export function serverNameOf(socket: Socket): string | null {
  const { servername } = socket as { servername?: string | false | null };
  return typeof servername === "string" ? servername : null;
}
