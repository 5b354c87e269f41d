import type net from "node:net";
import type { TLSSocket } from "node:tls";
import type { RouteTable } from "../../core/routes.ts";
import { DEFAULT_ROUTING } from "../../core/routing.ts";
import { bookOf } from "../listener-key.ts";
import type { HolderMessage, WorkerMessage } from "../messages.ts";
import { REPORT_INTERVAL_MS } from "../messages.ts";
import { changed } from "../table-change.ts";
import type { Certificate } from "../tls/certificate.ts";
import { NO_CHALLENGES } from "../tls/challenges.ts";
import { SecureAcceptor, type SecureSettings } from "../tls/secure-acceptor.ts";
import type { Accepted, SocketReader } from "./acceptor.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientHost, Door, OpenConnection } from "./client-host.ts";
import { errorAnswer } from "./error-response.ts";
import { ClientSession } from "./http2/client-session.ts";
import { HandshakeCounter } from "./handshake-counter.ts";
import { Listener } from "./listener.ts";
import { LiveApp } from "./live-app.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Mirroring } from "./mirroring.ts";
import { writeOwn } from "./own-answer.ts";
import { Registry } from "./registry.ts";
import { LogFiles } from "../access-log/log-file.ts";
import { trustedIn } from "./trusted-proxies.ts";
import { RequestBook } from "./request-book.ts";

export interface WorkerOptions {
  readonly send: (message: WorkerMessage) => void;
  /** Called when the worker has nothing left to do. */
  readonly exit: () => void;
  readonly limits?: Limits;
}

type Of<K extends HolderMessage["kind"]> = Extract<HolderMessage, { kind: K }>;

/** One worker of the data plane: accepts on the listeners it is handed, serves the apps of the tables it is sent, and counts. */
export class Worker implements ClientHost {
  readonly limits: Limits;
  challenges = NO_CHALLENGES;
  readonly #options: WorkerOptions;
  readonly #apps = new Map<string, LiveApp>();
  /** As they came last, also one that was refused: the next one may come as a change of it. */
  readonly #tables = new Map<string, RouteTable>();
  readonly #listeners = new Map<string, Listener>();
  readonly #certificates = new Map<string, readonly Certificate[]>();
  #ticketKeys: Uint8Array | null = null;
  readonly #handshakes = new HandshakeCounter();
  readonly #clients = new Registry<OpenConnection>();
  readonly #logs = new LogFiles();
  readonly #mirroring: Mirroring;
  readonly #timers: NodeJS.Timeout[];
  #draining = false;
  #drainUntil = 0;
  #reportDue = false;
  #connectionsRefused = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.limits = options.limits ?? DEFAULT_LIMITS;
    this.#mirroring = new Mirroring(options.send);
    this.#timers = [
      setInterval(() => {
        this.#sweep();
      }, this.limits.tickMs),
      setInterval(() => {
        this.#report();
      }, REPORT_INTERVAL_MS),
    ];
    options.send({ kind: "hello", pid: process.pid });
  }

  isDraining(): boolean {
    return this.#draining;
  }

  /** `handle` comes with `listen`: the bound socket, which this worker accepts on beside the others. */
  take(message: HolderMessage, handle?: unknown): void {
    switch (message.kind) {
      case "listen":
        this.#listen(message, handle);
        return;
      case "unlisten":
        this.#unlisten(message);
        return;
      case "challenges":
        this.challenges = message.answers;
        this.#done(message.id);
        return;
      case "ticketKeys":
        this.#ticketKeys = message.keys;
        for (const listener of this.#listeners.values()) listener.setTicketKeys(message.keys);
        this.#done(message.id);
        return;
      case "certificates":
        this.#setCertificates(message);
        return;
      case "routes":
        this.#routes(message);
        return;
      case "remove":
        this.#remove(message);
        return;
      case "health":
        this.#apps.get(message.app)?.setDown(message.down);
        return;
      case "drain":
        this.#drain(message);
        return;
      case "cut":
        this.#apps.get(message.app)?.cut(message.instances, message.what ?? "everything");
        return;
      case "quiet":
        this.#quiet(message);
        return;
      case "mirror":
        this.#mirroring.begin(message, this.#apps.get(message.app));
        return;
      case "unmirror":
        this.#mirroring.end(message.app);
        return;
      case "flush":
        this.#report();
        this.#done(message.id);
        return;
      case "reopenLogs":
        this.#logs.reopen();
        return;
      case "shutdown":
        this.shutdown(message.drainMs, message.holds);
        return;
    }
  }

  /** Finishes what is under way, then ends; whatever is left after `drainMs` is closed. */
  shutdown(drainMs: number, holds: "end" | "keep"): void {
    const until = Date.now() + drainMs;
    this.#drainUntil = this.#draining ? Math.min(this.#drainUntil, until) : until;
    if (holds === "end") for (const app of this.#apps.values()) app.endHolds();
    if (this.#draining) return;
    this.#draining = true;
    for (const listener of this.#listeners.values()) listener.close();
    for (const client of this.#clients.values()) client.drain();
    for (const app of this.#apps.values()) app.finish(drainMs);
    this.#endWhenDone();
  }

  #listen({ id, listener: key, app, others = [], secure, proxied }: Of<"listen">, handle: unknown): void {
    const known = this.#listeners.get(key);
    if (known !== undefined) {
      (handle as { close(): void } | undefined)?.close();
      this.#join(known, app);
      if (proxied !== undefined) known.setProxied(app, true, trustedIn(proxied.trusted));
      this.#done(id);
      return;
    }
    if (this.#draining) {
      this.#done(id);
      return;
    }
    const acceptor = secure === null ? null : this.#newAcceptor(secure, () => listener);
    const listener: Listener = new Listener(new RequestBook(bookOf(key), this.#reportSoon), acceptor, {
      isFull: () => this.#isFull(),
      onPlain: (accepted) => {
        this.#accept(accepted, listener);
      },
      onTooMany: (socket) => {
        this.#turnAway(socket, secure !== null);
      },
      onGone: () => {
        if (this.#draining) this.#endWhenDone();
      },
      onListening: () => {
        this.#done(id);
      },
      onError: (error) => {
        this.#options.send({ kind: "refused", id, reason: error.message });
      },
    });
    if (this.#ticketKeys !== null) listener.setTicketKeys(this.#ticketKeys);
    for (const name of [app, ...others]) this.#join(listener, name);
    if (proxied !== undefined) listener.setProxied(app, true, trustedIn(proxied.trusted));
    this.#listeners.set(key, listener);
    listener.listen(handle);
  }

  #join(listener: Listener, app: string): void {
    listener.join(app);
    listener.setCertificates(app, this.#certificates.get(app) ?? []);
    const live = this.#apps.get(app);
    if (live !== undefined) this.#serve(listener, live);
  }

  #serve(listener: Listener, live: LiveApp): void {
    const { app, routing, tls } = live.table;
    listener.router.set(live, (routing ?? DEFAULT_ROUTING).claim);
    listener.setProxied(app, live.table.proxy.proxyProtocol?.in === "require", live.forwarding.trusted);
    listener.setClientMax(app, live.clientConnectionsMax);
    if (tls !== null) listener.apply(app, tls);
  }

  #unlisten({ id, listener: key, app }: Of<"unlisten">): void {
    const listener = this.#listeners.get(key);
    const live = this.#apps.get(app);
    if (live !== undefined) listener?.router.delete(live);
    if (listener?.leave(app) === true) {
      this.#report();
      listener.close();
      this.#listeners.delete(key);
    }
    this.#done(id);
  }

  #newAcceptor(settings: SecureSettings, door: () => Listener): SecureAcceptor {
    return new SecureAcceptor(settings, this.limits.tlsHandshakeMs, {
      challengeFor: (servername) => this.challenges.alpn.get(servername) ?? null,
      onSecure: (socket) => {
        this.#handshakes.whenDone(socket);
        door().identify(socket);
        this.#acceptSecure(socket, door());
      },
      onFailure: () => {
        this.#handshakes.whenFailed();
        if (this.#draining) this.#endWhenDone();
      },
    });
  }

  /** Where TLS connections part by protocol: `socket.alpnProtocol`. */
  #acceptSecure(socket: TLSSocket, door: Door): void {
    const deliver: Accepted["deliver"] = (reader) => {
      socket.on("data", (data: Buffer) => {
        reader.onData(data, false);
      });
    };
    if (socket.alpnProtocol === "h2") {
      deliver(this.#openSession(socket, door));
      return;
    }
    this.#accept({ socket, deliver }, door);
  }

  #accept({ socket, deliver }: Accepted, door: Door): void {
    const client = new ClientConnection(socket, door, this);
    deliver(client);
    this.#keep(client);
  }

  serveHttp2(socket: net.Socket, door: Door, instead: OpenConnection): SocketReader {
    this.#clients.delete(instead);
    return this.#openSession(socket, door);
  }

  #openSession(socket: net.Socket, door: Door): ClientSession {
    const session = new ClientSession(socket, door, this);
    this.#keep(session);
    socket.on("close", () => {
      this.closed(session);
    });
    return session;
  }

  closed(client: OpenConnection): void {
    this.#clients.delete(client);
    if (this.#draining) this.#endWhenDone();
  }

  #keep(client: OpenConnection): void {
    this.#clients.add(client);
    if (this.#draining) client.drain();
  }

  #isFull(): boolean {
    return this.#clients.size + this.#handshaking() >= this.limits.clientConnectionsMax;
  }

  /** A handshake is the dearest part of a connection: over TLS there is none for the answer's sake. */
  #turnAway(socket: net.Socket, secure: boolean): void {
    this.#connectionsRefused += 1;
    socket.on("error", () => undefined);
    if (secure) {
      socket.resetAndDestroy();
      return;
    }
    socket.end(writeOwn(errorAnswer(503, "too many connections"), { close: true, bodyless: false }), "latin1");
    socket.setTimeout(this.limits.lingerIdleMs, () => socket.destroy());
    socket.resume();
  }

  #handshaking(): number {
    let sum = 0;
    for (const listener of this.#listeners.values()) sum += listener.handshaking;
    return sum;
  }

  #setCertificates({ id, app, certificates }: Of<"certificates">): void {
    this.#certificates.set(app, certificates);
    for (const listener of this.#listenersOf(app)) listener.setCertificates(app, certificates);
    this.#done(id);
  }

  #listenersOf(app: string): readonly Listener[] {
    return [...this.#listeners.values()].filter((listener) => listener.serves(app));
  }

  #routes({ id, table: sent, workers = 1, pieces }: Of<"routes">): void {
    const known = this.#apps.get(sent.app);
    const before = this.#tables.get(sent.app);
    const table = before === undefined || pieces === undefined ? sent : changed(before, { table: sent, pieces });
    this.#tables.set(table.app, table);
    if (known?.apply(table, workers) === false) {
      this.#options.send({ kind: "refused", id, reason: "the table is older than the present one" });
      return;
    }
    const app = known ?? new LiveApp(table, this.limits, this.#reportSoon, { workers, logs: this.#logs });
    this.#apps.set(table.app, app);
    for (const listener of this.#listenersOf(table.app)) this.#serve(listener, app);
    this.#done(id);
  }

  #remove({ id, app }: Of<"remove">): void {
    this.#mirroring.end(app);
    const live = this.#apps.get(app);
    if (live !== undefined) {
      live.close();
      this.#report();
      this.#apps.delete(app);
      for (const listener of this.#listeners.values()) listener.router.delete(live);
    }
    this.#certificates.delete(app);
    this.#tables.delete(app);
    this.#done(id);
  }

  #drain({ id, app, instances, limitMs = Infinity, requestsMs = limitMs }: Of<"drain">): void {
    const live = this.#apps.get(app);
    const done = (): void => {
      this.#done(id);
    };
    if (live === undefined) done();
    else live.drain(instances, { requestsMs, limitMs }, done);
  }

  #quiet({ id, app }: Of<"quiet">): void {
    const live = this.#apps.get(app);
    if (live === undefined) this.#done(id);
    live?.whenQuiet((quiet) => {
      if (quiet) this.#done(id);
      else this.#options.send({ kind: "refused", id, reason: "the app is not paused" });
    });
  }

  #done(id: number): void {
    this.#options.send({ kind: "done", id });
  }

  #sweep(): void {
    const now = Date.now();
    for (const client of this.#clients.values()) client.sweep(now);
    for (const app of this.#apps.values()) app.sweep(now);
    if (this.#draining && now > this.#drainUntil) this.#endNow();
  }

  /** At the end of the turn, so that many requests read at once are one message. */
  readonly #reportSoon = (): void => {
    if (this.#reportDue) return;
    this.#reportDue = true;
    queueMicrotask(() => {
      this.#report({ brief: true });
    });
  };

  #report({ brief } = { brief: false }): void {
    this.#reportDue = false;
    const live = [...this.#apps.values()];
    const listeners = [...this.#listeners.values()];
    const books = [...live, ...live.map((app) => app.previews), ...listeners.map((listener) => listener.router.book)];
    const apps = books.filter((book) => book.hasNews()).map((book) => (brief ? book.briefDelta() : book.delta()));
    const logLinesDropped = this.#logs.takeDropped();
    const connectionsRefused = this.#connectionsRefused;
    this.#connectionsRefused = 0;
    if (apps.length === 0 && !this.#handshakes.hasNews() && logLinesDropped + connectionsRefused === 0) return;
    const delta = {
      clientConnections: this.#clients.size,
      handshakes: this.#handshakes.take(),
      logLinesDropped,
      connectionsRefused,
      apps,
    };
    this.#options.send({ kind: "counts", delta });
  }

  #endWhenDone(): void {
    if (this.#clients.size + this.#handshaking() > 0) return;
    this.#finish();
  }

  #endNow(): void {
    for (const client of this.#clients.values()) client.close();
    this.#finish();
  }

  #finish(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#logs.close();
    this.#report();
    this.#options.exit();
  }
}
