import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { readMessage, type Message } from "./message.ts";
import { Wire } from "./wire.ts";

/** One connection that the proxy made to the application. */
export class Peer extends Wire {
  /** The next whole request; throws when the connection ends before. */
  async request(): Promise<Message> {
    return this.until("a request", () => {
      const message = readMessage(this.text, "request");
      if (message !== null) this.text = this.text.slice(message.raw.length);
      else if (this.ended || this.closed) throw new Error("The proxy closed the connection");
      return message;
    });
  }

  /** Until the head of a request has come, body or not; nothing is taken. */
  async head(): Promise<string> {
    return this.until("a head", () => {
      const end = this.text.indexOf("\r\n\r\n");
      return end < 0 ? null : this.text.slice(0, end + 4);
    });
  }
}

export type Script = (peer: Peer, connection: number) => Promise<void> | void;

/** An application on a raw socket: it does what its script says, and remembers every connection and byte. */
export class ScriptedUpstream {
  readonly port: number;
  readonly peers: Peer[] = [];
  /** Whole requests as they came, over all connections. Kept by `answering`. */
  readonly requests: Message[] = [];
  script: Script;
  readonly #server: Server;

  private constructor(server: Server, script: Script) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.script = script;
    server.on("connection", (socket: Socket) => {
      const peer = new Peer(socket);
      const number = this.peers.push(peer);
      void Promise.resolve(this.script(peer, number)).catch(() => undefined);
    });
  }

  static async start(script: Script = () => {}): Promise<ScriptedUpstream> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const upstream = new ScriptedUpstream(server, script);
    onTestFinished(() => {
      upstream.close();
    });
    return upstream;
  }

  /** Everything that ever reached it. */
  get received(): string {
    return this.peers.map((peer) => peer.received).join("");
  }

  /** The nth connection (from 1), when it is there. */
  async peer(number: number): Promise<Peer> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const peer = this.peers[number - 1];
      if (peer !== undefined) return peer;
      if (performance.now() > deadline) throw new Error(`No connection ${number} to the upstream`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Refuses connections from now on; those that are open go on. */
  stopListening(): void {
    this.#server.close();
  }

  close(): void {
    this.#server.close();
    for (const peer of this.peers) peer.socket.destroy();
  }
}

/** A script: every request is remembered and answered in turn, for ever. */
export function answering(upstream: () => ScriptedUpstream, answer: string | ((request: Message) => string)): Script {
  return async (peer) => {
    for (;;) {
      const request = await peer.request();
      upstream().requests.push(request);
      peer.send(typeof answer === "string" ? answer : answer(request));
    }
  };
}

/** An application that answers everything with 200 and a short body. */
export async function startAnswering(
  answer: string | ((request: Message) => string) = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
): Promise<ScriptedUpstream> {
  const upstream: ScriptedUpstream = await ScriptedUpstream.start(answering(() => upstream, answer));
  return upstream;
}
