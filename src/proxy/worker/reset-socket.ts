import type { Socket } from "node:net";

interface Handle {
  getpeername?: (out: object) => number;
}

/**
 * The peer has reset the connection, which nobody who does not read is told: what was sent before it would have to be read first. A
 * connection that was reset has no peer any more. That the peer has only ended its side (FIN) cannot be seen in this way.
 */
export function isReset(socket: Socket): boolean {
  const handle = (socket as unknown as { _handle: Handle | null })._handle;
  return handle === null || (handle.getpeername?.({}) ?? 0) !== 0;
}

/** The client must see that its answer is not whole. Over TLS the missing close_notify says it (RFC 9112 section 9.8), and Node cannot reset such a socket. */
export function breakOff(socket: Socket, secure: boolean): void {
  if (secure) socket.destroy();
  else socket.resetAndDestroy();
}
