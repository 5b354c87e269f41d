import type net from "node:net";
import { AspNetDoor } from "../aspnet/door.ts";
import { hostAndPort } from "../../base/host-and-port.ts";
import type { Logger } from "../../base/log.ts";
import { Client, clientFrom, type ClientSnapshot } from "../commands/client.ts";
import { Executor } from "../commands/executor.ts";
import type { ServerFacts } from "../commands/server-facts.ts";
import { ReplyEncoder } from "../resp/reply-encoder.ts";
import { error, type Reply } from "../resp/reply.ts";
import { Store } from "../store.ts";
import { adopt, type Deliver, type Handle } from "./acceptor.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { infoSections } from "./info-sections.ts";
import { Listeners } from "./listeners.ts";
import { passwordsFrom } from "./passwords.ts";
import { COMPACT_ABOVE, LIMITS, redisSettings, SIGN_IN_MS, STUCK_MS, type StateServerSettings } from "./settings.ts";

const LOOK_MS = 5_000;
const TOO_MANY = "-ERR max number of clients reached\r\n";

/** The state server: keys in memory and on disk, and the clients that use them over the Redis protocol. */
export class StateServer implements ConnectionHost {
  readonly limits = LIMITS;
  readonly encoder = new ReplyEncoder();
  readonly store: Store;
  readonly listeners: Listeners;
  readonly aspNet: AspNetDoor;
  readonly connections = new Set<Connection>();
  readonly startedAt = Date.now();
  holding = false;
  accepted = 0;
  failedUpgrades = 0;
  readonly settings: StateServerSettings;
  readonly #executor: Executor;
  readonly #facts: ServerFacts;
  readonly #log: Logger;
  readonly #waiting = new Set<Connection>();
  #nextId = 1;
  #looking: NodeJS.Timeout | null = null;

  constructor(settings: StateServerSettings, log: Logger, onBroken: (why: string) => void) {
    this.settings = settings;
    this.#log = log;
    this.store = new Store({
      directory: settings.directory,
      policy: settings.policy,
      memoryMax: settings.memoryMax,
      compactAbove: COMPACT_ABOVE,
      log,
      onSettled: (batch) => {
        this.#settle(batch);
      },
      onBroken,
    });
    this.aspNet = new AspNetDoor({
      store: this.store,
      contentMax: LIMITS.argumentBytesMax,
      isHolding: () => this.holding,
    });
    const redis = (socket: net.Socket): Deliver => this.#accept(socket);
    const aspNet = (socket: net.Socket): Deliver => this.#acceptAspNet(socket);
    this.listeners = new Listeners(({ kind }) => (kind === "asp.net" ? aspNet : redis), settings.tls, log);
    this.#facts = this.#makeFacts();
    this.#executor = new Executor({
      keyspace: this.store.keyspace,
      cursors: this.store.cursors,
      watchers: this.store.watchers,
      server: this.#facts,
      hasRoom: () => this.store.hasRoom(),
      unwritable: () => this.store.log.unwritable,
    });
  }

  get commands(): number {
    return this.#executor.commands + this.aspNet.requests;
  }

  /** Number of the next client: it goes on in the next generation. */
  get nextId(): number {
    return this.#nextId;
  }

  set nextId(id: number) {
    this.#nextId = Math.max(this.#nextId, id);
  }

  /** Reads the data, then listens. @throws ERR_LISTEN_ADDRESS_TAKEN */
  async start(): Promise<void> {
    await this.store.load();
    this.store.open();
    for (const address of this.settings.listen) await this.listeners.listen(address);
    this.begin();
  }

  /** From now on this is the one that serves. */
  begin(): void {
    this.store.start();
    this.#looking = setInterval(() => {
      this.#look();
    }, LOOK_MS);
    this.#looking.unref();
  }

  /** Answers what was asked, writes everything down, and ends. */
  async close(): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.listeners.close();
    await this.store.close();
    for (const connection of this.connections) connection.end();
    this.aspNet.end();
    await new Promise(setImmediate);
    for (const connection of this.connections) connection.destroy();
    for (const { socket } of this.aspNet.connections) socket.destroy();
  }

  /** Nobody's command runs any more, and what is read waits. */
  hold(): void {
    this.holding = true;
  }

  release(): void {
    this.holding = false;
    for (const connection of this.connections) connection.run();
    this.aspNet.release();
  }

  /** A web server's connection from the generation before. */
  adoptAspNet(rest: Buffer, handle: Handle): void {
    adopt(handle, (socket) => {
      const connection = this.aspNet.open(socket);
      if (rest.length > 0) connection.onData(rest);
      return (data) => {
        connection.onData(data);
      };
    });
  }

  /** A client that comes from the generation before, with what it has sent and nobody has run. */
  adopt(snapshot: ClientSnapshot, rest: Buffer, handle: Handle): void {
    const client = clientFrom(snapshot);
    for (const [number, keys] of snapshot.watched) {
      const database = this.store.keyspace.databases[number];
      if (database !== undefined) for (const key of keys) this.store.watchers.watch(client, database, key);
    }
    client.outdated = snapshot.facts.outdated;
    let opened: Connection | null = null;
    adopt(handle, (socket) => {
      opened = this.#open(socket, client);
      return (data) => {
        opened?.onData(data);
      };
    });
    (opened as Connection | null)?.onData(rest);
  }

  // --- what connections ask for ---

  execute(client: Client, args: readonly string[]): Reply {
    this.store.keyspace.barrier = 0;
    try {
      return this.#executor.execute(client, args, Date.now());
    } catch (failure) {
      this.#log.error("a command failed; this is a bug", {
        command: args[0],
        error: failure instanceof Error ? failure.stack : String(failure),
      });
      return error("ERR internal error; it is in the server's log");
    }
  }

  barrier(): number {
    return this.store.keyspace.barrier;
  }

  settled(): number {
    return this.store.log.settled;
  }

  onWaiting(connection: Connection): void {
    this.#waiting.add(connection);
  }

  onClosed(connection: Connection): void {
    this.connections.delete(connection);
    this.#waiting.delete(connection);
    this.#executor.forget(connection.client);
  }

  #settle(batch: number): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const connection of waiting) connection.settle(batch);
    this.aspNet.settle(batch);
  }

  #accept(socket: net.Socket): Deliver {
    this.accepted += 1;
    if (this.#isFull) {
      socket.end(TOO_MANY);
      socket.on("error", () => undefined);
      return () => undefined;
    }
    const client = new Client(this.#nextId, addressOf(socket), !this.#facts.passwords.required, Date.now());
    this.#nextId += 1;
    const connection = this.#open(socket, client);
    return (data) => {
      connection.onData(data);
    };
  }

  #acceptAspNet(socket: net.Socket): Deliver {
    this.accepted += 1;
    if (this.#isFull) {
      socket.destroy();
      return () => undefined;
    }
    const connection = this.aspNet.open(socket);
    return (data) => {
      connection.onData(data);
    };
  }

  get #isFull(): boolean {
    return this.connections.size + this.aspNet.connections.size >= this.settings.clientsMax;
  }

  #open(socket: net.Socket, client: Client): Connection {
    const connection = new Connection(socket, client, this);
    this.connections.add(connection);
    return connection;
  }

  /** Clients that do not read, or do not say who they are, are not kept. */
  #look(): void {
    const now = Date.now();
    this.aspNet.dropStuck(now, STUCK_MS);
    for (const connection of this.connections) {
      const { client } = connection;
      if (connection.stuckFor(now) > STUCK_MS) {
        this.#log.warn("a client that did not read its answers was disconnected", { id: client.id, address: client.address });
        connection.destroy();
      } else if (!client.authenticated && now - client.since > SIGN_IN_MS) connection.destroy();
    }
  }

  #makeFacts(): ServerFacts {
    const { settings } = this;
    return {
      passwords: passwordsFrom(settings.passwords),
      settings: redisSettings(settings),
      clients: () => [...this.connections].map(({ client }) => client),
      info: () => infoSections(this),
      end: (client) => {
        for (const connection of this.connections) if (connection.client === client) connection.destroy();
      },
    };
  }
}

function addressOf(socket: net.Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return "unix:0";
  return hostAndPort({ host: remoteAddress, port: remotePort ?? 0 });
}
