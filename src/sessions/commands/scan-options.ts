import { parseNumber } from "../resp/integer.ts";
import type { ErrorReply } from "../resp/reply.ts";
import { NOT_AN_INTEGER, SYNTAX } from "./errors.ts";

export interface ScanOptions {
  readonly count: number;
  readonly match: string | null;
  readonly type: string | null;
}

const COUNT = 10;

export function isCursor(text: string): boolean {
  return /^\d{1,20}$/.test(text);
}

/** [MATCH pattern] [COUNT n] and, where it is allowed, [TYPE name]. */
export function parseScan(words: readonly string[], withType: boolean): ScanOptions | ErrorReply {
  let [count, match, type]: [number, string | null, string | null] = [COUNT, null, null];
  for (let i = 0; i < words.length; i += 2) {
    const [word = "", value] = [words[i]?.toUpperCase(), words[i + 1]];
    if (value === undefined) return SYNTAX;
    if (word === "COUNT") {
      const parsed = parseNumber(value);
      if (parsed === null) return NOT_AN_INTEGER;
      if (parsed < 1) return SYNTAX;
      count = parsed;
    } else if (word === "MATCH") match = value === "*" ? null : value;
    else if (word === "TYPE" && withType) type = value.toLowerCase();
    else return SYNTAX;
  }
  return { count, match, type };
}
