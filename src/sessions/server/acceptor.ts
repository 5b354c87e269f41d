import net from "node:net";

/** Sockets read into one buffer: what a command needs of it is copied while it is looked at. */
const SHARED = Buffer.allocUnsafeSlow(65_536);

/** The socket handle of the platform, as node:net and node:child_process use it. */
export interface Handle {
  readonly fd?: number;
  setNoDelay?(on: boolean): void;
  readStop?(): void;
  close(): void;
}

interface ListeningHandle extends Handle {
  onconnection?: (error: number, handle: Handle | undefined) => void;
}

export type Deliver = (data: Buffer) => void;
/** Gives who takes what the socket reads. */
export type OnSocket = (socket: net.Socket) => Deliver;

/** A socket over a handle that was accepted here or in another process. What it reads is lent to `deliver`. */
export function adopt(handle: Handle, onSocket: OnSocket): net.Socket {
  let deliver: Deliver = () => undefined;
  handle.setNoDelay?.(true);
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: SHARED,
      callback: (bytes: number, buffer: Buffer) => {
        deliver(buffer.subarray(0, bytes));
        return true;
      },
    },
  };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  deliver = onSocket(socket);
  socket.resume();
  return socket;
}

/**
 * Has a server read its connections into the shared buffer, which node:net offers only for connections that it opens. The handle is taken where net.Server takes it
 * (docs/adr/0004-shared-read-buffers.md); where that place is not known, connections are read the ordinary way.
 */
export function acceptShared(server: net.Server, onSocket: OnSocket): void {
  server.on("connection", (socket) => {
    const deliver = onSocket(socket);
    socket.on("data", deliver);
  });
  server.on("listening", () => {
    const listening: ListeningHandle | null = handleOf(server);
    if (typeof listening?.onconnection !== "function") return;
    listening.onconnection = (error, handle) => {
      if (error === 0 && handle !== undefined) adopt(handle, onSocket);
    };
  });
}

/** The handle under a server or a socket, for another process. */
export function handleOf(owner: net.Server | net.Socket): Handle | null {
  return (owner as unknown as { _handle: Handle | null })._handle;
}
