import { STATUS_CODES } from "node:http";
import type { RouteTable } from "../../core/routes.ts";
import type { RequestHead } from "./request-head.ts";
import { httpDate } from "./response-head.ts";

/** What the proxy answers in the place of the application. */
export interface OwnAnswer {
  readonly status: number;
  /** Its Content-Type. */
  readonly type: string;
  /** Lines with their CRLF, without framing. */
  readonly fields: string;
  /** Latin1. */
  readonly body: string;
}

const CHALLENGE_PREFIX = "/.well-known/acme-challenge/";
const HTTPS_PORT = 443;
const TEXT = "text/plain; charset=utf-8";

/**
 * Answers to a certificate authority (RFC 8555 section 8.3) and the way from HTTP to HTTPS; null for whatever is the application's own.
 * Without a table the request is no app's.
 * `challenges`: key authorizations by token.
 */
export function ownAnswer(
  { target, host }: RequestHead,
  table: RouteTable | null,
  secure: boolean,
  challenges: ReadonlyMap<string, string>,
): OwnAnswer | null {
  if (target.startsWith(CHALLENGE_PREFIX)) return challengeAnswer(challenges.get(target.slice(CHALLENGE_PREFIX.length)));
  const redirect = table?.tls?.redirect ?? null;
  if (secure || redirect === null || !target.startsWith("/")) return null;
  const { exceptPaths, port } = redirect;
  if (exceptPaths.includes(target.split("?", 1)[0] ?? "")) return null;
  const name = host.replace(/:\d*$/, "");
  const location = `https://${name}${port === HTTPS_PORT ? "" : `:${String(port)}`}${target}`;
  const body = `308 Permanent Redirect: this is at ${location}\n`;
  return { status: 308, type: TEXT, fields: `Location: ${location}\r\n`, body };
}

/** The whole answer as latin1 text. */
export function writeOwn(
  { status, type, fields, body }: OwnAnswer,
  { close, bodyless }: { close: boolean; bodyless: boolean },
): string {
  const head =
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\nDate: ${httpDate()}\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${String(body.length)}\r\n${fields}${close ? "Connection: close\r\n" : ""}\r\n`;
  return bodyless ? head : head + body;
}

/** A token that is not ours may be one of the application. */
function challengeAnswer(keyAuthorization: string | undefined): OwnAnswer | null {
  if (keyAuthorization === undefined) return null;
  return { status: 200, type: TEXT, fields: "Cache-Control: no-store\r\n", body: keyAuthorization };
}
