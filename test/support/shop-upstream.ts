import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import type { Target } from "../../src/core/routes.ts";

/** An application in the test's own process, so that the test sees what it gets and decides when it answers. */
export interface ShopUpstream {
  readonly target: Target;
  /** The body of every POST, in the order of arrival. */
  readonly posts: readonly string[];
  /** Answers to `GET /slow` wait here. */
  readonly slow: ServerResponse[];
  /** It ends: what still comes is refused, what is open is cut. */
  readonly stop: () => void;
}

export async function shopUpstream(instance = "web.r1.1"): Promise<ShopUpstream> {
  const posts: string[] = [];
  const slow: ServerResponse[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === "/slow") {
      slow.push(response);
      return;
    }
    const body = await text(request);
    if (request.method === "POST") posts.push(body);
    response.writeHead(request.method === "POST" ? 201 : 200, { "content-type": "text/plain" });
    response.end(request.method === "POST" ? body : "hello\n");
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(stop);
  const { port } = server.address() as AddressInfo;
  return { target: { instance, host: "127.0.0.1", port, health: null }, posts, slow, stop };
}
