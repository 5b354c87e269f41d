import type { Scalar } from "yaml";

/** What stands before the text of a block (`|`, `>-`) is on a line of its own. */
const BLOCK_HEAD = /^[|>][^\n]*\n/;

/**
 * Where a character of a scalar's value stands in the YAML file. Blanks are folded, indented and cut off in YAML, and nothing else is: what is counted
 * are the other characters.
 */
export function placeInScalar(source: string, { range, type, value }: Scalar, offset: number): number {
  const [start, end] = range ?? [0, 0];
  const wanted = solid(String(value).slice(0, offset));
  const quote = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE" ? 1 : 0;
  let at = start + quote + (BLOCK_HEAD.exec(source.slice(start, end))?.[0].length ?? 0);
  const last = end - quote;
  for (let seen = 0; at < last;) {
    const length = escapeLength(source, at, type);
    if (isBlank(source.slice(at, at + length))) at += length;
    else if (seen < wanted) {
      seen++;
      at += length;
    } else break;
  }
  return Math.min(at, last);
}

/** `''` and `\"` are one character each. */
function escapeLength(source: string, at: number, type: Scalar["type"]): number {
  const isEscape = (type === "QUOTE_SINGLE" && source.startsWith("''", at)) || (type === "QUOTE_DOUBLE" && source[at] === "\\");
  return isEscape ? 2 : 1;
}

function solid(text: string): number {
  return text.replace(/\s/g, "").length;
}

function isBlank(text: string): boolean {
  return /^(?:\s|\\[nrt])+$/.test(text);
}
