import net from "node:net";
import type { Certificate } from "../tls/certificate.ts";
import type { SecureAcceptor, SecureSettings } from "../tls/secure-acceptor.ts";
import { onAccepted, type Accepted } from "./acceptor.ts";
import type { Door } from "./client-host.ts";
import type { RequestBook } from "./request-book.ts";
import { ClientPlaces } from "./client-places.ts";
import { Router } from "./router.ts";

export interface ListenerEvents {
  /** A plain connection. */
  onPlain(accepted: Accepted): void;
  /** No more connections may be taken. */
  isFull(): boolean;
  /** One too many, of all or of one client. */
  onTooMany(socket: net.Socket): void;
  onListening(): void;
  onError(error: Error): void;
}

/** One listening socket in this worker, which accepts on it beside the other workers; for one app or several. */
export class Listener implements Door {
  readonly router: Router;
  readonly #server: net.Server;
  readonly #acceptor: SecureAcceptor | null;
  readonly #apps = new Set<string>();
  readonly #clients = new ClientPlaces();
  readonly #clientMax = new Map<string, number>();
  readonly #settings = new Map<string, SecureSettings>();
  readonly #certificates = new Map<string, readonly Certificate[]>();

  /** `book` counts the requests that are no app's. */
  constructor(book: RequestBook, acceptor: SecureAcceptor | null, events: ListenerEvents) {
    this.router = new Router(book);
    this.#acceptor = acceptor;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true });
    if (acceptor === null) {
      onAccepted(this.#server, (accepted) => {
        if (this.#hasRoom(accepted.socket, events)) events.onPlain(accepted);
        else events.onTooMany(accepted.socket);
      });
    } else {
      this.#server.on("connection", (socket) => {
        if (this.#hasRoom(socket, events)) acceptor.accept(socket);
        else events.onTooMany(socket);
      });
    }
    this.#server.on("error", (error) => {
      events.onError(error);
    });
    this.#server.on("listening", () => {
      events.onListening();
    });
  }

  serves(app: string): boolean {
    return this.#apps.has(app);
  }

  join(app: string): void {
    this.#apps.add(app);
  }

  /** True if that was the last one. */
  leave(app: string): boolean {
    this.#apps.delete(app);
    this.#settings.delete(app);
    this.#clientMax.delete(app);
    this.#clients.max = Math.min(...this.#clientMax.values());
    if (this.#certificates.delete(app)) this.#install();
    return this.#apps.size === 0;
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

  /** Where apps share a listener the stricter settings hold. */
  apply(app: string, settings: SecureSettings): void {
    this.#settings.set(app, settings);
    const all = [...this.#settings.values()];
    this.#acceptor?.apply({
      minVersion: all.some(({ minVersion }) => minVersion === "TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
      unknownName: all.some(({ unknownName }) => unknownName === "refuse") ? "refuse" : "default",
    });
  }

  setTicketKeys(keys: Uint8Array): void {
    this.#acceptor?.setTicketKeys(keys);
  }

  setCertificates(app: string, certificates: readonly Certificate[]): void {
    this.#certificates.set(app, certificates);
    this.#install();
  }

  /** Connections that one client may have here. Where apps share a listener the least of theirs holds. */
  setClientMax(app: string, max: number): void {
    this.#clientMax.set(app, max);
    this.#clients.max = Math.min(...this.#clientMax.values());
  }

  #hasRoom(socket: net.Socket, events: ListenerEvents): boolean {
    return !events.isFull() && this.#clients.take(socket);
  }

  #install(): void {
    this.#acceptor?.setCertificates([...this.#certificates.values()].flat());
  }
}
