import { randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import { DEFAULT_FORWARDING, type ForwardingSpec } from "../../core/forwarding.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { trustedIn, type TrustedProxies } from "./trusted-proxies.ts";

/** What is known of the client's side of the connection. */
export interface ClientAddress {
  readonly remoteAddress: string;
  /** It speaks TLS with us. */
  readonly secure: boolean;
  readonly http2: boolean;
}

const SCHEME = /^(?:https?|wss?)$/i;
const HOST = /^[A-Za-z0-9\-._~!$&'()*+;=%:[\]]{1,255}$/;
const PORT = /^\d{1,5}$/;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

const VIA = /\r\nvia:([^\r]*)/gi;
/** Protocol, then who received it (RFC 9110 section 7.6.3). */
const RECEIVED_BY = /^[\t ]*\S+[\t ]+(\S+)/;
/** So often a request may have come through proxies of our name: more than stand in a row anywhere, and soon over in a circle. */
const PASSES_MAX = 8;

const prefix = randomBytes(6).toString("hex");
let requests = 0;

/**
 * The fields by which an application behind a proxy learns who asked. What a client sends under these names is taken out and set anew; only
 * trusted proxies are believed, and added to.
 */
export class ForwardedFields {
  /** Our line in an answer of HTTP/1.1 and of HTTP/2; empty without. */
  readonly #answerVia: { readonly http1: string; readonly http2: string };
  readonly #spec: ForwardingSpec;
  /** Null: nobody. */
  readonly trusted: TrustedProxies | null;
  readonly #ownId: RegExp | null;
  readonly #idLine: RegExp;

  constructor(spec: ForwardingSpec = DEFAULT_FORWARDING) {
    const { trustedProxies, via, requestId } = spec;
    this.#spec = spec;
    this.trusted = trustedIn(trustedProxies);
    const line = `\\r\\n${requestId}:[\\t ]*([^\\r]*)`;
    this.#ownId = requestId.toLowerCase() === "x-request-id" ? null : new RegExp(line, "gi");
    this.#idLine = new RegExp(line, "i");
    this.#answerVia = { http1: viaOf("1.1", via), http2: viaOf("2", via) };
  }

  /** The client as those say whom we trust. */
  clientOf(head: RequestHead, { remoteAddress }: ClientAddress): string {
    return this.trusted?.clientOf(remoteAddress, head.forwarded["x-forwarded-for"]) ?? remoteAddress;
  }

  /** It goes round in a circle: it has come through here too often (RFC 9110 section 7.6.3). */
  loops({ forward }: RequestHead): boolean {
    const { via } = this.#spec;
    if (via === null || !forward.includes(via)) return false;
    const passes = [...forward.matchAll(VIA)].flatMap(([, list = ""]) => list.split(","));
    return passes.filter((pass) => RECEIVED_BY.exec(pass)?.[1] === via).length >= PASSES_MAX;
  }

  /** The request's id, taken out of its fields where another one than X-Request-ID carries it. */
  prepared(head: RequestHead): RequestHead {
    if (this.#ownId === null) return head;
    const id = this.requestIdIn(head.forward);
    return {
      ...head,
      forward: head.forward.replace(this.#ownId, ""),
      requestId: id !== null && REQUEST_ID.test(id) ? id : null,
    };
  }

  requestIdIn(lines: string): string | null {
    return this.#idLine.exec(lines)?.[1] ?? null;
  }

  /** An answer's head with `fields`, and Via; `http2`: what the application speaks. */
  answered(head: ResponseHead, fields: string, http2: boolean): ResponseHead {
    const added = fields + (http2 ? this.#answerVia.http2 : this.#answerVia.http1);
    return added === "" ? head : { ...head, forward: head.forward + added };
  }

  /** Lines for the application, each with its CRLF. */
  of(head: RequestHead, client: ClientAddress): string {
    const { remoteAddress, secure } = client;
    const trusted = this.trusted?.has(remoteAddress) === true;
    const { via, requestId } = this.#spec;
    const way = trusted
      ? extended(head, client)
      : fields(remoteAddress, secure ? "https" : "http", head.host, portOf(head.host, secure));
    const id = (trusted ? head.requestId : null) ?? newRequestId();
    const version = client.http2 ? "2" : head.minor === 1 ? "1.1" : "1.0";
    return `${way}${this.#forwarded(head, client, trusted)}${viaOf(version, via)}${requestId}: ${id}\r\n`;
  }

  /** RFC 7239 section 4. A chain that a trusted proxy has begun is never left without us. */
  #forwarded(head: RequestHead, { remoteAddress, secure }: ClientAddress, trusted: boolean): string {
    const before = trusted ? head.forwarded.forwarded : "";
    if (!this.#spec.forwarded && before === "") return "";
    const node = isIPv6(remoteAddress) ? `"[${remoteAddress}]"` : remoteAddress;
    const element = `for=${node};host="${head.host}";proto=${secure ? "https" : "http"}`;
    return `Forwarded: ${before === "" ? "" : `${before}, `}${element}\r\n`;
  }
}

function fields(address: string, scheme: string, host: string, port: string): string {
  return `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Port: ${port}\r\n`;
}

/** What a trusted proxy says, as far as it says it and it can be understood. */
function extended({ forwarded, host }: RequestHead, { remoteAddress, secure }: ClientAddress): string {
  const known = forwarded["x-forwarded-for"];
  const scheme = accepted(forwarded["x-forwarded-proto"], SCHEME) ?? (secure ? "https" : "http");
  const port = accepted(forwarded["x-forwarded-port"], PORT) ?? portOf(host, scheme === "https");
  const address = known === "" ? remoteAddress : `${known}, ${remoteAddress}`;
  return fields(address, scheme, accepted(forwarded["x-forwarded-host"], HOST) ?? host, port);
}

function accepted(value: string, pattern: RegExp): string | null {
  return pattern.test(value) ? value : null;
}

function portOf(host: string, secure: boolean): string {
  const colon = host.lastIndexOf(":");
  const named = colon > host.lastIndexOf("]") ? host.slice(colon + 1) : "";
  return named === "" ? (secure ? "443" : "80") : named;
}

function viaOf(version: string, name: string | null): string {
  return name === null ? "" : `Via: ${version} ${name}\r\n`;
}

function newRequestId(): string {
  requests += 1;
  return `${prefix}${requests.toString(16).padStart(8, "0")}`;
}
