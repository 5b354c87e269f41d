import { STATUS_CODES } from "node:http";
import { httpDate } from "./response-head.ts";

export interface ErrorResponse {
  readonly status: number;
  readonly reason: string;
  /** The connection ends after it. */
  readonly close: boolean;
  /** Answers to HEAD have no body. */
  readonly bodyless: boolean;
}

export function errorText(status: number, reason: string): string {
  return `${String(status)} ${STATUS_CODES[status] ?? ""}: ${reason}\n`;
}

/** An answer that comes from the proxy itself, whole, as latin1 text. 503 says when to come back (RFC 9110 section 15.6.4). */
export function errorResponse({ status, reason, close, bodyless }: ErrorResponse): string {
  const body = errorText(status, reason);
  const again = status === 503 ? "Retry-After: 1\r\n" : "";
  const connection = close ? "Connection: close\r\n" : "";
  const head =
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\nDate: ${httpDate()}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${String(body.length)}\r\nCache-Control: no-store\r\n${again}${connection}\r\n`;
  return bodyless ? head : head + body;
}
