import { createClient, type RedisClientType } from "redis";

/** What a state server says of itself. */
export interface ServerFacts {
  readonly pid: number;
  readonly version: string;
  readonly memoryBytes: number;
  readonly fsync: string;
  /** Where it speaks the ASP.NET State Server Protocol; "" for nowhere. */
  readonly aspNet: string;
  /** How many of its upgrades have failed. */
  readonly failedUpgrades: number;
  /** Connections over the Redis protocol, this one included, and how many of any kind there have ever been. */
  readonly clients: number;
  readonly arrivals: number;
}

/** A server that works answers at once. */
const ANSWER_MS = 5_000;

/** A connection to a state server, which tells when the server is gone. A handover to a new generation keeps it. */
export class StateServerLink {
  readonly #client: RedisClientType;
  /** Resolves when the connection is lost. */
  readonly gone: Promise<void>;

  private constructor(client: RedisClientType) {
    this.#client = client;
    this.gone = new Promise((resolve) => {
      for (const event of ["error", "end"] as const) {
        client.on(event, () => {
          resolve();
        });
      }
    });
  }

  /** Null if nothing answers there. */
  static async open(url: string): Promise<StateServerLink | null> {
    const client: RedisClientType = createClient({
      url,
      socket: { reconnectStrategy: false, connectTimeout: ANSWER_MS },
      commandOptions: { timeout: ANSWER_MS },
      name: "hitless-daemon",
    });
    const link = new StateServerLink(client);
    try {
      await client.connect();
      await client.ping();
      return link;
    } catch {
      if (client.isOpen) client.destroy();
      return null;
    }
  }

  async facts(): Promise<ServerFacts> {
    const [info, config] = await Promise.all([this.#client.info(), this.#client.configGet("appendfsync")]);
    const lines = new Map(
      info.split("\r\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
    );
    return {
      pid: Number(lines.get("process_id")),
      version: lines.get("hitless_version") ?? "",
      memoryBytes: Number(lines.get("maxmemory")),
      fsync: config["appendfsync"] ?? "",
      aspNet: lines.get("hitless_asp_net") ?? "",
      failedUpgrades: Number(lines.get("hitless_failed_upgrades") ?? 0),
      clients: Number(lines.get("connected_clients")),
      arrivals: Number(lines.get("total_connections_received")),
    };
  }

  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }
}
