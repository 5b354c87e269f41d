import type { Database } from "../data/database.ts";
import type { Keyspace } from "../data/keyspace.ts";
import type { ScanCursors } from "../data/scan-cursors.ts";
import { error, NULL_LIST, OK, SimpleString, type ErrorReply, type Reply } from "../resp/reply.ts";
import type { Client } from "./client.ts";
import { fits, type Command, type Context } from "./command.ts";
import { Refusal, wrongArity } from "./errors.ts";
import type { ServerFacts } from "./server-facts.ts";
import { findCommand } from "./table.ts";
import type { Watchers } from "./watchers.ts";

const QUEUED = new SimpleString("QUEUED");
const NO_AUTH = error("NOAUTH Authentication required.");
const OUT_OF_MEMORY = error("OOM command not allowed when used memory > 'maxmemory'.");
const GIVEN_UP = error("EXECABORT Transaction discarded because of previous errors.");
/** What the words of an unknown command are shown of. */
const SHOWN = 128;
const QUEUE_MAX = 100_000;

export interface ExecutorOptions {
  readonly keyspace: Keyspace;
  readonly cursors: ScanCursors;
  readonly watchers: Watchers;
  readonly server: ServerFacts;
  /** Tries to make room; true if there is. */
  readonly hasRoom: () => boolean;
  /** Why nothing can be written at the moment; null if it can. */
  readonly unwritable: () => string | null;
}

type Transaction = (client: Client, args: readonly string[]) => Reply;

/** Runs one command of one client after another: who may do what, transactions, and the commands themselves. */
export class Executor {
  commands = 0;
  readonly #options: ExecutorOptions;
  readonly #transactions: ReadonlyMap<string, readonly [arity: number, run: Transaction]>;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#transactions = new Map<string, readonly [number, Transaction]>([
      ["MULTI", [1, (client) => multi(client)]],
      ["EXEC", [1, (client) => this.#exec(client)]],
      ["DISCARD", [1, (client) => this.#discard(client)]],
      ["WATCH", [-2, (client, args) => this.#watch(client, args)]],
      ["UNWATCH", [1, (client) => this.#unwatch(client)]],
    ]);
  }

  execute(client: Client, args: readonly string[], now: number): Reply {
    this.commands += 1;
    client.lastActive = now;
    this.#options.keyspace.now = now;
    const [name = ""] = args;
    const found = findCommand(name);
    if (found !== undefined) {
      client.lastCommand = found.name;
      return this.#executeKnown(client, found, args);
    }
    const transaction = this.#transactions.get(name.toUpperCase());
    if (transaction === undefined) return failedIn(client, unknownCommand(args));
    client.lastCommand = name.toLowerCase();
    const [arity, run] = transaction;
    if (!fits(arity, args)) return failedIn(client, wrongArity(name.toLowerCase()));
    if (!client.authenticated) return NO_AUTH;
    if (client.queue !== null && name.toUpperCase() === "UNWATCH") return queue(client, args);
    return run(client, args);
  }

  /** Nothing of the client is left behind. */
  forget(client: Client): void {
    this.#options.watchers.forget(client);
  }

  #executeKnown(client: Client, found: Command, args: readonly string[]): Reply {
    if (!fits(found.arity, args)) return failedIn(client, wrongArity(found.name));
    const wrong = found.check?.(args) ?? null;
    if (wrong !== null) return failedIn(client, wrong);
    const { flags } = found;
    if (!client.authenticated && !flags.includes("open")) return NO_AUTH;
    if (flags.includes("grows") && !this.#options.hasRoom()) return failedIn(client, OUT_OF_MEMORY);
    if (flags.includes("write")) {
      const why = this.#options.unwritable();
      if (why !== null) return failedIn(client, error(`MISCONF Errors writing to the log: ${why}`));
    }
    if (client.queue !== null && !flags.includes("immediate")) return queue(client, args);
    if (found.name === "reset") this.forget(client);
    return run(found, this.#context(client), args);
  }

  #context(client: Client): Context {
    const { keyspace, cursors, server } = this.#options;
    return { keyspace, cursors, server, client, database: this.#databaseOf(client) };
  }

  #databaseOf(client: Client): Database {
    const database = this.#options.keyspace.databases[client.database];
    if (database === undefined) throw new Error(`There is no database ${client.database}`);
    return database;
  }

  /** All of it or nothing: nobody else's command comes between, and the log gets it as one. */
  #exec(client: Client): Reply {
    const queued = client.queue;
    if (queued === null) return error("ERR EXEC without MULTI");
    const { queueFailed } = client;
    const outdated = client.outdated || this.#options.watchers.haveExpired(client, this.#options.keyspace);
    this.#discard(client);
    if (queueFailed) return GIVEN_UP;
    if (outdated) return NULL_LIST;
    return queued.map((args) => {
      const [name = ""] = args;
      if (name.toUpperCase() === "UNWATCH") return OK;
      const found = findCommand(name);
      return found === undefined ? null : run(found, this.#context(client), args);
    });
  }

  #discard(client: Client): Reply {
    if (client.queue === null) return error("ERR DISCARD without MULTI");
    client.queue = null;
    client.queueFailed = false;
    this.#options.watchers.forget(client);
    return OK;
  }

  #watch(client: Client, args: readonly string[]): Reply {
    if (client.queue !== null) return error("ERR WATCH inside MULTI is not allowed");
    const database = this.#databaseOf(client);
    for (const key of args.slice(1)) {
      // One that has expired already is gone: its going must not count as a change.
      this.#options.keyspace.find(database, key);
      this.#options.watchers.watch(client, database, key);
    }
    return OK;
  }

  #unwatch(client: Client): Reply {
    this.#options.watchers.forget(client);
    return OK;
  }
}

function run(found: Command, context: Context, args: readonly string[]): Reply {
  try {
    return found.run(context, args);
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal.reply;
    throw refusal;
  }
}

function multi(client: Client): Reply {
  if (client.queue !== null) return error("ERR MULTI calls can not be nested");
  client.queue = [];
  client.queueFailed = false;
  return OK;
}

function queue(client: Client, args: readonly string[]): Reply {
  if ((client.queue?.length ?? 0) >= QUEUE_MAX) return failedIn(client, error("ERR too many commands in one transaction"));
  client.queue?.push(args);
  return QUEUED;
}

/** A command that cannot even be queued makes the whole transaction fail. */
function failedIn(client: Client, reply: ErrorReply): ErrorReply {
  if (client.queue !== null) client.queueFailed = true;
  return reply;
}

function unknownCommand([name = "", ...args]: readonly string[]): ErrorReply {
  let shown = "";
  for (const arg of args) {
    if (shown.length >= SHOWN) break;
    shown += `'${textOf(arg, SHOWN - shown.length)}' `;
  }
  return error(`ERR unknown command '${textOf(name, SHOWN)}', with args beginning with: ${shown}`);
}

/** As C shows it: up to a zero byte. */
function textOf(word: string, max: number): string {
  return (word.split("\0", 1)[0] ?? "").slice(0, max);
}
