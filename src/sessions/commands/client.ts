import type { Protocol } from "../resp/reply-encoder.ts";
import type { Database } from "../data/database.ts";

/** What the server knows of one connection, beyond its socket. All of it moves with the connection to the next generation. */
export class Client {
  readonly id: number;
  readonly address: string;
  since: number;
  name = "";
  library = "";
  libraryVersion = "";
  database = 0;
  protocol: Protocol = 2;
  authenticated: boolean;
  /** The commands of the transaction that has begun. */
  queue: (readonly string[])[] | null = null;
  /** A command could not be queued: EXEC will refuse. */
  queueFailed = false;
  readonly watched = new Map<Database, Set<string>>();
  /** A watched key has changed. */
  outdated = false;
  /** After its answer the connection ends. */
  ending = false;
  lastCommand = "";
  lastActive: number;

  constructor(id: number, address: string, authenticated: boolean, now: number) {
    this.id = id;
    this.address = address;
    this.authenticated = authenticated;
    this.since = now;
    this.lastActive = now;
  }
}

/** A client on its way to another process. */
export interface ClientSnapshot {
  readonly id: number;
  readonly address: string;
  readonly facts: ClientFacts;
  readonly watched: readonly (readonly [database: number, keys: readonly string[]])[];
}

type ClientFacts = Pick<Client, (typeof FACTS)[number]>;

const FACTS = [
  "since",
  "name",
  "library",
  "libraryVersion",
  "database",
  "protocol",
  "authenticated",
  "queue",
  "queueFailed",
  "outdated",
  "lastCommand",
  "lastActive",
] as const;

export function snapshotOf(client: Client): ClientSnapshot {
  const facts = Object.fromEntries(FACTS.map((name) => [name, client[name]])) as unknown as ClientFacts;
  const watched = [...client.watched].map(([{ number }, keys]) => [number, [...keys]] as const);
  return { id: client.id, address: client.address, facts, watched };
}

/** Everything but what it watches, which is the keyspace's matter. */
export function clientFrom({ id, address, facts }: ClientSnapshot): Client {
  return Object.assign(new Client(id, address, facts.authenticated, facts.since), facts);
}
