import type { Database } from "../data/database.ts";
import type { Keyspace } from "../data/keyspace.ts";
import type { ScanCursors } from "../data/scan-cursors.ts";
import { error, type ErrorReply, type Reply } from "../resp/reply.ts";
import type { Client } from "./client.ts";
import { wrongArity } from "./errors.ts";
import type { ServerFacts } from "./server-facts.ts";

/** What a command works with. */
export interface Context {
  readonly keyspace: Keyspace;
  readonly database: Database;
  readonly client: Client;
  readonly cursors: ScanCursors;
  readonly server: ServerFacts;
}

export type Run = (context: Context, args: readonly string[]) => Reply;

/**
 * `write`: refused while the log cannot be written. `grows`: refused while memory is full. `open`: allowed before the password.
 * `immediate`: runs within MULTI instead of being queued.
 */
export type Flag = "write" | "grows" | "open" | "immediate" | "readonly" | "fast";

export interface Command {
  readonly name: string;
  /** Words with the name; at least so many if negative (as in Redis' COMMAND). */
  readonly arity: number;
  readonly flags: readonly Flag[];
  /** Positions of the first and the last key and the step between; zeros where there are none. A negative last counts from the end. */
  readonly keys: readonly [first: number, last: number, step: number];
  readonly run: Run;
  /** What is wrong with the words beyond their number: known before it runs, or is queued. */
  readonly check?: (args: readonly string[]) => ErrorReply | null;
}

/** Words with the command and the subcommand; at least so many if negative. */
export type Subcommands = Readonly<Record<string, readonly [arity: number, run: Run]>>;

const SHOWN = 128;
const NO_KEYS = [0, 0, 0] as const;
export const ONE_KEY = [1, 1, 1] as const;
export const ALL_KEYS = [1, -1, 1] as const;

// eslint-disable-next-line max-params -- a row of a table
export function command(name: string, arity: number, flags: string, run: Run, keys: Command["keys"] = NO_KEYS): Command {
  return { name, arity, flags: flags.split(" ").filter((flag) => flag !== "") as Flag[], keys, run };
}

/** A command that consists of subcommands. */
export function container(name: string, subcommands: Subcommands, keys: Command["keys"] = NO_KEYS): Command {
  const find = ([, word = ""]: readonly string[]): Subcommands[string] | undefined =>
    Object.hasOwn(subcommands, word.toUpperCase()) ? subcommands[word.toUpperCase()] : undefined;
  const check = (args: readonly string[]): ErrorReply | null => {
    const [, word = ""] = args;
    const found = find(args);
    if (found === undefined) return error(`ERR unknown subcommand '${word.slice(0, SHOWN)}'. Try ${name.toUpperCase()} HELP.`);
    return fits(found[0], args) ? null : wrongArity(`${name}|${word.toLowerCase()}`);
  };
  return { name, arity: -2, flags: [], keys, check, run: (context, args) => find(args)?.[1](context, args) ?? null };
}

export function fits(arity: number, args: readonly string[]): boolean {
  return arity < 0 ? args.length >= -arity : args.length === arity;
}
