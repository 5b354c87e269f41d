import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { until } from "./temp.ts";

/** How a WebSocket ended: 1006 where no close frame came. */
export interface Closed {
  readonly code: number;
  readonly at: number;
}

/** An application that echoes, in the test's own process. */
export interface EchoServer {
  readonly port: number;
  /** What each side that left has said. */
  readonly closed: Closed[];
  readonly messages: string[];
  readonly server: WebSocketServer;
}

export async function echoServer(): Promise<EchoServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const echo: EchoServer = { port: (server.address() as AddressInfo).port, closed: [], messages: [], server };
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      echo.messages.push(data.toString());
      socket.send(data, { binary: false });
    });
    socket.on("error", () => undefined);
    socket.on("close", (code) => echo.closed.push({ code, at: performance.now() }));
  });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return echo;
}

/** A client that is connected; what it hears is kept. */
export class Listener {
  readonly socket: WebSocket;
  readonly heard: string[] = [];
  readonly closed: Promise<Closed>;
  #closed: Closed | null = null;
  #bytesRead = () => 0;

  private constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on("message", (data: Buffer) => this.heard.push(data.toString()));
    this.socket.on("error", () => undefined);
    this.socket.on("upgrade", ({ socket }) => (this.#bytesRead = () => socket.bytesRead));
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code) => {
        this.#closed = { code, at: performance.now() };
        resolve(this.#closed);
      });
    });
  }

  static async to(port: number): Promise<Listener> {
    const listener = new Listener(`ws://127.0.0.1:${String(port)}/`);
    onTestFinished(() => {
      listener.socket.terminate();
    });
    await once(listener.socket, "open");
    return listener;
  }

  get isOpen(): boolean {
    return this.#closed === null;
  }

  /** From the wire, whatever became of it. */
  get bytesRead(): number {
    return this.#bytesRead();
  }

  /** Sends it and waits for its echo. */
  async says(text: string): Promise<void> {
    this.socket.send(text);
    await until(() => this.heard.includes(text), { what: `the echo of ${text}` });
  }
}
