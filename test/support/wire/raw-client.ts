import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { readMessage, statusOf, type Message } from "./message.ts";
import { Wire } from "./wire.ts";

/** A client that sends what it is told, byte for byte. */
export class RawClient extends Wire {
  /** The next whole answer. `method` is what it answers: HEAD has no body. */
  async answer(method = "GET"): Promise<Message> {
    return this.until(`an answer to ${method}`, () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? "";
      const bodyless = method === "HEAD" || status.startsWith("1") || status === "204" || status === "304";
      const message = readMessage(this.text, bodyless ? "bodyless" : "response", this.ended);
      if (message !== null) this.text = this.text.slice(message.raw.length);
      return message;
    });
  }

  async status(method = "GET"): Promise<number> {
    return statusOf(await this.answer(method));
  }
}

/** Connects; the connection goes away with the running test. */
export async function connectRaw(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, localAddress, allowHalfOpen: true });
  const client = new RawClient(socket);
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return client;
}
