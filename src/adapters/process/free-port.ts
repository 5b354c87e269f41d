import { createServer } from "node:net";

const RECENT_MAX = 2_000;
const recent = new Set<number>();

/** A TCP port nobody listens on, and that was not given out lately: two instances that start together never get the same. */
export async function freePort(host: string): Promise<number> {
  for (;;) {
    const port = await bindAny(host);
    if (recent.has(port)) continue;
    recent.add(port);
    if (recent.size > RECENT_MAX) recent.delete(recent.values().next().value ?? port);
    return port;
  }
}

function bindAny(host: string): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: 0 }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}
