import type { RequestHead } from "./request-head.ts";

/** What may be sent once more on a fresh connection when a reused one dies without an answer (R1; RFC 9110 section 9.2.2). */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const REPEATABLE_ON_FRESH = new Set(["GET", "HEAD", "OPTIONS"]);

export function isRepeatable({ body, upgrade, method }: RequestHead): boolean {
  return body === 0 && upgrade === null && REPEATABLE.has(method);
}

/** Also where the connection that died was a fresh one. */
export function isRepeatableOnFresh(head: RequestHead): boolean {
  return isRepeatable(head) && REPEATABLE_ON_FRESH.has(head.method);
}
