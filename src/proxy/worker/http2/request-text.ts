import type { Limits } from "../limits.ts";
import { refusal, type Refusal } from "../refusal.ts";
import { parseRequestHead, type RequestHead } from "../request-head.ts";
import { linesOf, valueOf } from "./fields.ts";

/** Not part of HTTP/2 (RFC 9113 section 8.2.2), or set anew: Host comes from :authority alone. */
const WITHOUT: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/**
 * The head of a request that came by HTTP/2. It is written down as HTTP/1.1 and read by the same strict parser, so that one grammar decides
 * what any application ever sees (RFC 9113 section 8.3: what HTTP/1.1 would not take is malformed).
 */
export function requestHeadOf(fields: readonly string[], endOfStream: boolean, limits: Limits): RequestHead | Refusal {
  const method = valueOf(fields, ":method") ?? "";
  const path = valueOf(fields, ":path") ?? "";
  const host = valueOf(fields, "host");
  const authority = valueOf(fields, ":authority") ?? host ?? "";
  if (method === "CONNECT") return refusal(405, "CONNECT is not served");
  if (host !== null && host !== authority) return refusal(400, "Host and :authority differ");
  if (path !== "*" && !path.startsWith("/")) return refusal(400, "the request target is invalid");
  const length = endOfStream || valueOf(fields, "content-length") !== null ? "" : "transfer-encoding: chunked\r\n";
  return parseRequestHead(`${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${linesOf(fields, WITHOUT)}${length}\r\n`, limits);
}
