import net from "node:net";
import { ReadBuffer } from "./read-buffer.ts";

/** A connection that was accepted, with how its reads are delivered. */
export interface Accepted {
  readonly socket: net.Socket;
  /** Sets who takes what is read; nothing has been read before. */
  readonly deliver: (reader: SocketReader) => void;
}

/** Takes what a socket reads, and says what becomes of it (see ReadBuffer). */
export interface SocketReader {
  onData(data: Buffer, lent: boolean): void;
  readonly isStreaming: boolean;
  readonly keepsInput: boolean;
}

interface TcpHandle {
  setNoDelay(on: boolean): void;
  onconnection?: (error: number, handle: TcpHandle | undefined) => void;
}

const NOTHING: SocketReader = { onData: () => undefined, isStreaming: false, keepsInput: false };

/**
 * Has the server read its connections into shared buffers (`onread`), which node:net offers for connections that it opens, but not for those
 * that it accepts. The connection handle is taken where net.Server itself takes it (docs/adr/0004-shared-read-buffers.md); where that place is not
 * known, connections are read the ordinary way.
 */
export function onAccepted(server: net.Server, callback: (accepted: Accepted) => void): void {
  server.on("connection", (socket) => {
    const deliver = (reader: SocketReader): void => {
      socket.on("data", (data: Buffer) => {
        reader.onData(data, false);
      });
    };
    callback({ socket, deliver });
  });
  server.on("listening", () => {
    const listening = (server as unknown as { _handle: TcpHandle | null })._handle;
    if (typeof listening?.onconnection !== "function") return;
    listening.onconnection = (error, handle) => {
      if (error === 0 && handle !== undefined) callback(adopt(handle));
    };
  });
}

function adopt(handle: TcpHandle): Accepted {
  const input = new ReadBuffer();
  let reader = NOTHING;
  let opened: net.Socket | null = null;
  handle.setNoDelay(true);
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: () =>
        input.next({ streaming: reader.isStreaming, pending: reader.keepsInput, paused: opened?.isPaused() === true }),
      callback: (bytes: number, buffer: Buffer) => {
        reader.onData(buffer.subarray(0, bytes), input.isLent);
        return true;
      },
    },
  };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  opened = socket;
  return {
    socket,
    deliver: (next) => {
      reader = next;
    },
  };
}
