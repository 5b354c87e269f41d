import net from "node:net";
import type { Certificate } from "../tls/certificate.ts";
import type { SecureAcceptor, SecureSettings } from "../tls/secure-acceptor.ts";
import { onAccepted, type Accepted } from "./acceptor.ts";
import type { Door } from "./client-host.ts";
import type { LiveApp } from "./live-app.ts";

export interface ListenerEvents {
  /** A plain connection. */
  onPlain(accepted: Accepted): void;
  /** No more connections may be taken; this one is answered and closed. */
  isFull(): boolean;
  onListening(): void;
  onError(error: Error): void;
}

/** One listening socket in this worker, which accepts on it beside the other workers. */
export class Listener implements Door {
  readonly appName: string;
  readonly #server: net.Server;
  readonly #acceptor: SecureAcceptor | null;
  readonly #find: (app: string) => LiveApp | null;

  constructor(appName: string, acceptor: SecureAcceptor | null, find: (app: string) => LiveApp | null, events: ListenerEvents) {
    this.appName = appName;
    this.#acceptor = acceptor;
    this.#find = find;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true });
    if (acceptor === null) {
      onAccepted(this.#server, (accepted) => {
        events.onPlain(accepted);
      });
    } else {
      this.#server.on("connection", (socket) => {
        if (events.isFull()) socket.resetAndDestroy();
        else acceptor.accept(socket);
      });
    }
    this.#server.on("error", (error) => {
      events.onError(error);
    });
    this.#server.on("listening", () => {
      events.onListening();
    });
  }

  get app(): LiveApp | null {
    return this.#find(this.appName);
  }

  get secure(): boolean {
    return this.#acceptor !== null;
  }

  get handshaking(): number {
    return this.#acceptor?.handshaking ?? 0;
  }

  listen(handle: unknown): void {
    this.#server.listen(handle as net.ListenOptions);
  }

  /** Takes no new connections. */
  close(): void {
    this.#server.close();
  }

  apply(settings: SecureSettings): void {
    this.#acceptor?.apply(settings);
  }

  setTicketKeys(keys: Uint8Array): void {
    this.#acceptor?.setTicketKeys(keys);
  }

  setCertificates(certificates: readonly Certificate[]): void {
    this.#acceptor?.setCertificates(certificates);
  }
}
