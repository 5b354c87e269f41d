import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Echo } from "./proxy.ts";

export interface Answer {
  /** Common name of the certificate that was shown; empty when a session was taken up again. */
  readonly certificate: string;
  readonly resumed: boolean;
  readonly protocol: string | null;
  readonly text: string;
  readonly session: Buffer | null;
}

/** What is sent when nothing else is said. */
export function get(path = "/", host = "shop.test", close = true): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${close ? "Connection: close\r\n" : ""}\r\n`;
}

/** Connects, sends, and gives everything that came until the server closed. @throws what the handshake failed with */
export function ask(port: number, options: ConnectionOptions, request = get()): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    let session: Buffer | null = null;
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => {
      socket.write(request);
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error("nothing came for ten seconds")));
    socket.on("session", (ticket) => {
      session = ticket;
    });
    socket.setEncoding("latin1").on("data", (data: string) => {
      text += data;
    });
    socket.on("error", reject);
    socket.on("end", () => {
      resolve({ ...shown(socket), text, session });
    });
  });
}

/** What the application saw. */
export function echoOf(text: string): Echo {
  return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Echo;
}

function shown(socket: TLSSocket): Pick<Answer, "certificate" | "resumed" | "protocol"> {
  const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
  return { certificate: subject?.CN ?? "", resumed: socket.isSessionReused(), protocol: socket.getProtocol() };
}
