import net from "node:net";
import type { Certificate } from "../tls/certificate.ts";
import type { SecureAcceptor, SecureSettings } from "../tls/secure-acceptor.ts";
import { onAccepted, type Accepted } from "./acceptor.ts";
import type { Door } from "./client-host.ts";
import type { RequestBook } from "./request-book.ts";
import { ClientPlaces } from "./client-places.ts";
import { ProxiedConnections, putBack, readable } from "./proxied-connections.ts";
import { Router } from "./router.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** The header of the PROXY protocol is sent by itself, before anything else. */
const PROXY_HEADER_MS = 2_000;

export interface ListenerEvents {
  /** A plain connection. */
  onPlain(accepted: Accepted): void;
  /** No more connections may be taken. */
  isFull(): boolean;
  /** One too many, of all or of one client. */
  onTooMany(socket: net.Socket): void;
  /** A connection ended before it was taken. */
  onGone(): void;
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
  readonly #proxied: ProxiedConnections;
  /** The apps whose connections begin with a header of the PROXY protocol, and whose headers they take. */
  readonly #proxies = new Map<string, TrustedProxies | null>();
  readonly #clientMax = new Map<string, number>();
  readonly #settings = new Map<string, SecureSettings>();
  readonly #certificates = new Map<string, readonly Certificate[]>();

  /** `book` counts the requests that are no app's. */
  constructor(book: RequestBook, acceptor: SecureAcceptor | null, events: ListenerEvents) {
    this.router = new Router(book);
    this.#acceptor = acceptor;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true });
    const admit = (accepted: Accepted): void => {
      if (!this.#hasRoom(accepted.socket, events)) events.onTooMany(accepted.socket);
      else if (acceptor === null) events.onPlain(accepted);
      else acceptor.accept(accepted.socket);
    };
    this.#proxied = new ProxiedConnections(PROXY_HEADER_MS, {
      onAccepted: (accepted) => {
        if (acceptor !== null) putBack(accepted);
        admit(accepted);
      },
      onGone: () => {
        events.onGone();
      },
    });
    const take = (accepted: Accepted): void => {
      if (this.#proxies.size === 0) admit(accepted);
      else if (events.isFull()) events.onTooMany(accepted.socket);
      else this.#proxied.accept(accepted, (address) => this.#believes(address));
    };
    if (acceptor === null) onAccepted(this.#server, take);
    else {
      this.#server.on("connection", (socket) => {
        take(readable(socket));
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
    this.#proxies.delete(app);
    this.#clientMax.delete(app);
    this.#clients.max = Math.min(...this.#clientMax.values());
    if (this.#certificates.delete(app)) this.#install();
    return this.#apps.size === 0;
  }

  get secure(): boolean {
    return this.#acceptor !== null;
  }

  get handshaking(): number {
    return this.#proxied.waiting + (this.#acceptor?.handshaking ?? 0);
  }

  listen(handle: unknown): void {
    this.#server.listen(handle as net.ListenOptions);
  }

  /** Takes no new connections. */
  close(): void {
    this.#server.close();
  }

  /** Where apps share a listener one of them is enough, and whoever is believed is so by all. `trusted`: null for everybody. */
  setProxied(app: string, proxied: boolean, trusted: TrustedProxies | null): void {
    if (proxied) this.#proxies.set(app, trusted);
    else this.#proxies.delete(app);
  }

  /** A TLS socket of this listener: whose it is. */
  identify(socket: net.Socket): void {
    this.#proxied.identify(socket);
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

  #believes(address: string): boolean {
    return [...this.#proxies.values()].every((trusted) => trusted?.has(address) !== false);
  }

  #hasRoom(socket: net.Socket, events: ListenerEvents): boolean {
    return !events.isFull() && this.#clients.take(socket);
  }

  #install(): void {
    this.#acceptor?.setCertificates([...this.#certificates.values()].flat());
  }
}
