import { once } from "node:events";
import net from "node:net";
import { rmSync } from "node:fs";
import { join } from "node:path";

/**
 * A TLS connection cannot change its process: its keys are here. It stays, and what it carries is passed on over a connection whose other end is handed
 * over in its place. Gives that end.
 */
export async function relayTo(socket: net.Socket, directory: string, name: string): Promise<net.Socket> {
  // At once: what comes from now on belongs to the other end.
  socket.removeAllListeners("data");
  socket.pause();
  const path = join(directory, `relay.${process.pid}.${name}`);
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  try {
    server.listen(path);
    await once(server, "listening");
    const near = net.connect({ path, allowHalfOpen: true });
    const [far] = (await once(server, "connection")) as [net.Socket];
    near.on("error", () => socket.destroy());
    socket.on("error", () => near.destroy());
    near.on("close", () => socket.destroy());
    socket.on("close", () => near.destroy());
    socket.pipe(near);
    near.pipe(socket);
    return far;
  } finally {
    server.close();
    rmSync(path, { force: true });
  }
}
