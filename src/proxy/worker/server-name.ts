import type { Socket } from "node:net";

/** The name that a TLS client asked for (SNI), or null. */
export function serverNameOf(socket: Socket): string | null {
  const { servername } = socket as { servername?: string | false | null };
  return typeof servername === "string" ? servername : null;
}
