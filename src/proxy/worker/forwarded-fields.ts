import { randomBytes } from "node:crypto";
import type { RequestHead } from "./request-head.ts";

/** What is known of the client's side of the connection. */
export interface ClientAddress {
  readonly remoteAddress: string;
  /** It speaks TLS with us. */
  readonly secure: boolean;
}

const prefix = randomBytes(6).toString("hex");
let requests = 0;

/**
 * The fields by which an application behind a proxy learns who asked. They are always set here: what the client sent under these names was
 * taken out. A request id that the client brought is kept.
 */
export function forwardedFields(head: RequestHead, client: ClientAddress): string {
  return (
    `X-Forwarded-For: ${client.remoteAddress}\r\nX-Forwarded-Proto: ${client.secure ? "https" : "http"}\r\nX-Forwarded-Host: ${head.host}\r\n` +
    `X-Request-ID: ${head.requestId ?? newRequestId()}\r\n`
  );
}

function newRequestId(): string {
  requests += 1;
  return `${prefix}${requests.toString(16).padStart(8, "0")}`;
}
