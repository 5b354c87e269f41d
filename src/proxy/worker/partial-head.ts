import type { Limits } from "./limits.ts";
import { refusal, type Refusal } from "./refusal.ts";

const CR = 13;
const LF = 10;
const TOKEN_START = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/** What is wrong with a head that is not complete yet, or null. `searched`: so much of it was looked at before. */
export function partialHeadProblem(input: Buffer, searched: number, limits: Limits): Refusal | null {
  const lf = input.indexOf(LF);
  const line = lf < 0 ? input.length : lf;
  const first = String.fromCharCode(input[0] ?? 0);
  if (line > limits.requestLineBytesMax) return refusal(414, "the request line is too long");
  if (!TOKEN_START.test(first) || hasBareLf(input, searched)) return refusal(400, "the request is not valid HTTP/1.1");
  if (input.length > limits.headBytesMax) return refusal(431, "the request's header fields are too long");
  return null;
}

function hasBareLf(input: Buffer, from: number): boolean {
  for (let lf = input.indexOf(LF, from); lf >= 0; lf = input.indexOf(LF, lf + 1)) if (input[lf - 1] !== CR) return true;
  return false;
}
