import { DEFAULT_LIMITS } from "../../../src/proxy/worker/limits.ts";
import { isRefusal } from "../../../src/proxy/worker/refusal.ts";
import { parseRequestHead, type RequestHead } from "../../../src/proxy/worker/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../../../src/proxy/worker/response-head.ts";

/** `fields`: each with its CRLF. */
export function requestHead(fields = "", { target = "/", method = "GET", host = "a.com" } = {}): RequestHead {
  const head = parseRequestHead(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`, DEFAULT_LIMITS);
  if (isRefusal(head)) throw new Error(head.reason);
  return head;
}

/** An answer with an empty body. */
export function answerHead(fields = ""): ResponseHead {
  const head = parseResponseHead(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${fields}\r\n`, DEFAULT_LIMITS.headersMax);
  if (isRefusal(head)) throw new Error(head.reason);
  return head;
}
