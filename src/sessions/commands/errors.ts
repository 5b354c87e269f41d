import { error, type ErrorReply } from "../resp/reply.ts";

/** Redis' own words (7.0): clients compare them. */
export const SYNTAX = error("ERR syntax error");
export const WRONG_TYPE = error("WRONGTYPE Operation against a key holding the wrong kind of value");
export const NOT_AN_INTEGER = error("ERR value is not an integer or out of range");
export const NOT_A_FLOAT = error("ERR value is not a valid float");
export const NO_SUCH_KEY = error("ERR no such key");
export const OVERFLOW = error("ERR increment or decrement would overflow");
export const TOO_LONG = error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
export const INVALID_CURSOR = error("ERR invalid cursor");
export const DB_OUT_OF_RANGE = error("ERR DB index is out of range");

export const wrongArity = (name: string): ErrorReply => error(`ERR wrong number of arguments for '${name}' command`);
export const invalidExpiry = (name: string): ErrorReply => error(`ERR invalid expire time in '${name}' command`);

/** Ends a command with an error reply. Only before it has changed anything. */
export class Refusal extends Error {
  readonly reply: ErrorReply;
  constructor(reply: ErrorReply) {
    super(reply.text);
    this.reply = reply;
  }
}
