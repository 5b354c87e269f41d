import type { Socket } from "node:net";
import type { ConnectionEnds } from "../connection-ends.ts";

const told = new WeakMap<Socket, ConnectionEnds>();
/** An IPv4 address as a socket for both families says it. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** Somebody in front, who is believed, has said whose connection it is. */
export function setConnectionEnds(socket: Socket, ends: ConnectionEnds): void {
  told.set(socket, ends);
}

/** Whose connection it is. */
export function clientAddress(socket: Socket): string {
  return told.get(socket)?.source.address ?? socket.remoteAddress ?? "unknown";
}

/** Whose connection it is, and where it was made to; null when it is gone. */
export function connectionEnds(socket: Socket): ConnectionEnds | null {
  const known = told.get(socket);
  if (known !== undefined) return known;
  const { remoteAddress, remotePort = 0, localAddress, localPort = 0 } = socket;
  if (remoteAddress === undefined || localAddress === undefined) return null;
  const plain = (address: string): string => address.replace(MAPPED, "");
  return {
    source: { address: plain(remoteAddress), port: remotePort },
    destination: { address: plain(localAddress), port: localPort },
  };
}

/** The name that a TLS client asked for (SNI), or null. */
export function serverNameOf(socket: Socket): string | null {
  const { servername } = socket as { servername?: string | false | null };
  return typeof servername === "string" ? servername : null;
}
