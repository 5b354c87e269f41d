import { STATUS_CODES } from "node:http";
import type { LedgerColumn } from "../../core/ledger.ts";
import { httpDate } from "./response-head.ts";

/** What the proxy answers in the place of the application. */
export interface OwnAnswer {
  /** Where it counts; `served` if nothing is said. */
  readonly column?: LedgerColumn;
  readonly status: number;
  /** Its Content-Type. */
  readonly type: string;
  /** Lines with their CRLF, without framing. */
  readonly fields: string;
  /** Latin1. */
  readonly body: string;
}

interface OwnOptions {
  readonly close: boolean;
  readonly bodyless: boolean;
  /** Another line of it, with its CRLF; empty for none. */
  readonly hsts?: string;
}

/** The whole answer as latin1 text. */
export function writeOwn({ status, type, fields, body }: OwnAnswer, { close, bodyless, hsts = "" }: OwnOptions): string {
  const head =
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\nDate: ${httpDate()}\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${String(body.length)}\r\n${fields}${hsts}${close ? "Connection: close\r\n" : ""}\r\n`;
  return bodyless ? head : head + body;
}
