import type net from "node:net";
import type { TLSSocket } from "node:tls";
import type { RouteTable } from "../../core/routes.ts";
import type { HolderMessage, WorkerMessage } from "../messages.ts";
import { REPORT_INTERVAL_MS } from "../messages.ts";
import { changed } from "../table-change.ts";
import { NO_CHALLENGES } from "../tls/challenges.ts";
import type { Accepted, SocketReader } from "./acceptor.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientHost, Door, OpenConnection } from "./client-host.ts";
import { errorAnswer } from "./error-response.ts";
import { ClientSession } from "./http2/client-session.ts";
import { HandshakeCounter } from "./handshake-counter.ts";
import { Listeners, type ListenersEvents } from "./listeners.ts";
import { LiveApp } from "./live-app.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Mirroring } from "./mirroring.ts";
import { writeOwn } from "./own-answer.ts";
import { Recordings } from "./recordings.ts";
import { Registry } from "./registry.ts";
import { ReleaseSeal } from "./release-seal.ts";
import { LogFiles } from "../access-log/log-file.ts";

export interface WorkerOptions {
  readonly send: (message: WorkerMessage) => void;
  /** Called when the worker has nothing left to do. */
  readonly exit: () => void;
  readonly limits?: Limits;
}

type Of<K extends HolderMessage["kind"]> = Extract<HolderMessage, { kind: K }>;

/** One worker of the data plane: accepts on the listeners it is handed, serves the apps of the tables it is sent, and counts. */
export class Worker implements ClientHost, ListenersEvents {
  readonly limits: Limits;
  challenges = NO_CHALLENGES;
  readonly #options: WorkerOptions;
  readonly #apps = new Map<string, LiveApp>();
  /** As they came last, also one that was refused: the next one may come as a change of it. */
  readonly #tables = new Map<string, RouteTable>();
  readonly #listeners: Listeners;
  readonly #handshakes = new HandshakeCounter();
  readonly #clients = new Registry<OpenConnection>();
  readonly #logs = new LogFiles();
  readonly #seal = new ReleaseSeal();
  readonly #mirroring: Mirroring;
  readonly #recordings: Recordings;
  readonly #timers: NodeJS.Timeout[];
  #draining = false;
  #drainUntil = 0;
  #reportDue = false;
  #connectionsRefused = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.limits = options.limits ?? DEFAULT_LIMITS;
    this.#mirroring = new Mirroring(options.send);
    this.#recordings = new Recordings(options.send);
    this.#listeners = new Listeners({
      tlsHandshakeMs: this.limits.tlsHandshakeMs,
      challengeFor: (servername) => this.challenges.alpn.get(servername) ?? null,
      app: (name) => this.#apps.get(name),
      report: this.#reportSoon,
      events: this,
    });
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
        this.#listeners.setTicketKeys(message.keys);
        this.#done(message.id);
        return;
      case "releaseKey":
        this.#seal.setKey(message.key);
        this.#done(message.id);
        return;
      case "certificates":
        this.#listeners.setCertificates(message.app, message.certificates);
        this.#done(message.id);
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
      case "record":
        this.#recordings.begin(message, this.#apps.get(message.app)?.book);
        return;
      case "unrecord":
        this.#recordings.end(message.app);
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
    this.#listeners.closeAll();
    for (const client of this.#clients.values()) client.drain();
    for (const app of this.#apps.values()) app.finish(drainMs);
    this.#endWhenDone();
  }

  #listen(order: Of<"listen">, handle: unknown): void {
    const { id } = order;
    if (this.#listeners.join(order, handle) || this.#draining) {
      this.#done(id);
      return;
    }
    this.#listeners.open(order, handle).then(
      () => {
        this.#done(id);
      },
      (error: unknown) => {
        this.#options.send({ kind: "refused", id, reason: (error as Error).message });
      },
    );
  }

  #unlisten({ id, listener, app }: Of<"unlisten">): void {
    if (this.#listeners.leave(listener, app)) {
      this.#report();
      this.#listeners.close(listener);
    }
    this.#done(id);
  }

  // --- connections ---

  onPlain(accepted: Accepted, door: Door): void {
    this.#accept(accepted, door);
  }

  onSecure(socket: TLSSocket, door: Door): void {
    this.#handshakes.whenDone(socket);
    this.#acceptSecure(socket, door);
  }

  onHandshakeFailed(): void {
    this.#handshakes.whenFailed();
    this.onGone();
  }

  onGone(): void {
    if (this.#draining) this.#endWhenDone();
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

  isFull(): boolean {
    return this.#clients.size + this.#listeners.handshaking >= this.limits.clientConnectionsMax;
  }

  /** A handshake is the dearest part of a connection: over TLS there is none for the answer's sake. */
  onTooMany(socket: net.Socket, secure: boolean): void {
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

  #routes({ id, table: sent, workers = 1, pieces }: Of<"routes">): void {
    const known = this.#apps.get(sent.app);
    const before = this.#tables.get(sent.app);
    const table = before === undefined || pieces === undefined ? sent : changed(before, { table: sent, pieces });
    this.#tables.set(table.app, table);
    if (known?.apply(table, workers) === false) {
      this.#options.send({ kind: "refused", id, reason: "the table is older than the present one" });
      return;
    }
    const app = known ?? new LiveApp(table, this.limits, this.#reportSoon, { workers, logs: this.#logs, seal: this.#seal });
    this.#apps.set(table.app, app);
    this.#listeners.serve(app);
    this.#done(id);
  }

  #remove({ id, app }: Of<"remove">): void {
    this.#mirroring.end(app);
    const live = this.#apps.get(app);
    if (live !== undefined) {
      live.close();
      this.#report();
      this.#apps.delete(app);
      this.#listeners.remove(live);
    }
    this.#listeners.forgetCertificates(app);
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
    const books = [...live, ...live.map((app) => app.previews), ...this.#listeners.books];
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
    if (this.#clients.size + this.#listeners.handshaking > 0) return;
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
