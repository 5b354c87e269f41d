import type net from "node:net";
import type { TLSSocket } from "node:tls";
import { DEFAULT_ROUTING } from "../../core/routing.ts";
import { bookOf } from "../listener-key.ts";
import type { HolderMessage } from "../messages.ts";
import type { Certificate } from "../tls/certificate.ts";
import type { AlpnCertificate } from "../tls/challenges.ts";
import { SecureAcceptor, type SecureSettings } from "../tls/secure-acceptor.ts";
import type { Accepted } from "./acceptor.ts";
import type { Door } from "./client-host.ts";
import { Listener } from "./listener.ts";
import type { LiveApp } from "./live-app.ts";
import { RequestBook } from "./request-book.ts";
import { trustedIn } from "./trusted-proxies.ts";

type ListenOrder = Extract<HolderMessage, { kind: "listen" }>;

/** What becomes of connections. */
export interface ListenersEvents {
  /** No more connections may be taken. */
  isFull(): boolean;
  onPlain(accepted: Accepted, door: Door): void;
  /** The handshake is done. */
  onSecure(socket: TLSSocket, door: Door): void;
  onHandshakeFailed(): void;
  onTooMany(socket: net.Socket, secure: boolean): void;
  /** A connection ended before it was taken. */
  onGone(): void;
}

export interface ListenersOptions {
  readonly tlsHandshakeMs: number;
  readonly challengeFor: (servername: string) => AlpnCertificate | null;
  readonly app: (name: string) => LiveApp | undefined;
  /** See RequestBook. */
  readonly report: () => void;
  readonly events: ListenersEvents;
}

/** The listening sockets of one worker, and which apps have which of them. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #certificates = new Map<string, readonly Certificate[]>();
  #ticketKeys: Uint8Array | null = null;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Handshakes under way. */
  get handshaking(): number {
    let sum = 0;
    for (const listener of this.#listeners.values()) sum += listener.handshaking;
    return sum;
  }

  /** Of requests that are no app's. */
  get books(): readonly RequestBook[] {
    return [...this.#listeners.values()].map(({ router }) => router.book);
  }

  /** True if this worker listens there already: then the app has joined, and the handle is closed. */
  join({ listener: key, app, proxied }: ListenOrder, handle: unknown): boolean {
    const known = this.#listeners.get(key);
    if (known === undefined) return false;
    (handle as { close(): void } | undefined)?.close();
    this.#join(known, app);
    if (proxied !== undefined) known.setProxied(app, true, trustedIn(proxied.trusted));
    return true;
  }

  /** Resolves when it accepts, rejects when it cannot. */
  async open({ listener: key, app, others = [], secure, proxied }: ListenOrder, handle: unknown): Promise<void> {
    const { events } = this.#options;
    const listening = Promise.withResolvers<undefined>();
    const acceptor = secure === null ? null : this.#newAcceptor(secure, () => listener);
    const listener: Listener = new Listener(new RequestBook(bookOf(key), this.#options.report), acceptor, {
      isFull: () => events.isFull(),
      onPlain: (accepted) => {
        events.onPlain(accepted, listener);
      },
      onTooMany: (socket) => {
        events.onTooMany(socket, secure !== null);
      },
      onGone: () => {
        events.onGone();
      },
      onListening: () => {
        listening.resolve(undefined);
      },
      onError: listening.reject,
    });
    if (this.#ticketKeys !== null) listener.setTicketKeys(this.#ticketKeys);
    for (const name of [app, ...others]) this.#join(listener, name);
    if (proxied !== undefined) listener.setProxied(app, true, trustedIn(proxied.trusted));
    this.#listeners.set(key, listener);
    listener.listen(handle);
    await listening.promise;
  }

  /** The app has this address no more. True if that was the last one: it is to be closed. */
  leave(key: string, app: string): boolean {
    const listener = this.#listeners.get(key);
    const live = this.#options.app(app);
    if (live !== undefined) listener?.router.delete(live);
    return listener?.leave(app) === true;
  }

  close(key: string): void {
    this.#listeners.get(key)?.close();
    this.#listeners.delete(key);
  }

  /** Nothing more is accepted anywhere. */
  closeAll(): void {
    for (const listener of this.#listeners.values()) listener.close();
  }

  /** The app's table is another one. */
  serve(live: LiveApp): void {
    for (const listener of this.#of(live.name)) this.#serve(listener, live);
  }

  remove(live: LiveApp): void {
    for (const listener of this.#listeners.values()) listener.router.delete(live);
  }

  setCertificates(app: string, certificates: readonly Certificate[]): void {
    this.#certificates.set(app, certificates);
    for (const listener of this.#of(app)) listener.setCertificates(app, certificates);
  }

  forgetCertificates(app: string): void {
    this.#certificates.delete(app);
  }

  setTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = keys;
    for (const listener of this.#listeners.values()) listener.setTicketKeys(keys);
  }

  #of(app: string): readonly Listener[] {
    return [...this.#listeners.values()].filter((listener) => listener.serves(app));
  }

  #join(listener: Listener, app: string): void {
    listener.join(app);
    listener.setCertificates(app, this.#certificates.get(app) ?? []);
    const live = this.#options.app(app);
    if (live !== undefined) this.#serve(listener, live);
  }

  #serve(listener: Listener, live: LiveApp): void {
    const { app, routing, tls } = live.table;
    listener.router.set(live, (routing ?? DEFAULT_ROUTING).claim);
    listener.setProxied(app, live.table.proxy.proxyProtocol?.in === "require", live.forwarding.trusted);
    listener.setClientMax(app, live.clientConnectionsMax);
    if (tls !== null) listener.apply(app, tls);
  }

  #newAcceptor(settings: SecureSettings, door: () => Listener): SecureAcceptor {
    const { tlsHandshakeMs, challengeFor, events } = this.#options;
    return new SecureAcceptor(settings, tlsHandshakeMs, {
      challengeFor,
      onSecure: (socket) => {
        door().identify(socket);
        events.onSecure(socket, door());
      },
      onFailure: () => {
        events.onHandshakeFailed();
      },
    });
  }
}
