import { connectionOptions, tokens } from "./connection-options.ts";
import { noteForwarded, NOT_FORWARDED, type ForwardedIn } from "./forwarded-in.ts";
import type { Limits } from "./limits.ts";
import { isRefusal, refusal, type Refusal } from "./refusal.ts";

/** How long the body is: a number of bytes, or chunked. */
export type BodyLength = number | "chunked";

export interface RequestHead {
  readonly method: string;
  /** Origin form (or `*`), byte for byte what is forwarded. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly host: string;
  readonly body: BodyLength;
  /** The client would keep the connection. */
  readonly keepAlive: boolean;
  readonly expectContinue: boolean;
  /** The protocol asked for, when it is one that may be tunnelled. */
  readonly upgrade: string | null;
  readonly acceptsTrailers: boolean;
  /** Start line and end-to-end fields for the upstream, each line with its CRLF; framing and forwarded fields are added by the sender. */
  readonly forward: string;
  readonly requestId: string | null;
  /** What it says of the way it came; only to be believed from those who are trusted. */
  readonly forwarded: ForwardedIn;
}

/** RFC 9110 section 5.6.2, tchar. */
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/**
 * The whole head (RFC 9112 sections 3 and 5). Every alternative begins with another character than what may end the part before it, so that
 * matching is linear. A bare CR or LF, a NUL, white space before a colon or an obs-fold cannot match.
 */
const HEAD = new RegExp(
  `^(${TOKEN}) ([\\x21\\x22\\x24-\\x7e]+) HTTP/(1\\.[01])\\r\\n(?:${TOKEN}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*\\r\\n$`,
);
/**
 * Fields that the proxy reads, replaces or takes out. The search begins at the CRLF of the start line. Twins with an underscore are taken out too:
 * many applications (CGI, WSGI) cannot tell them from the real ones.
 */
const SPECIAL =
  /\r\n(host|content-length|transfer-encoding|connection|upgrade|expect|te|trailer|keep-alive|proxy-connection|proxy|http2-settings|forwarded|x[-_]forwarded[-_](?:for|proto|host|port)|x[-_]request[-_]id|content[-_]length|transfer[-_]encoding|x_forwarded_[a-z]+):[\t ]*([^\r]*)/gi;
const HOST = /^(?:[A-Za-z0-9\-._~!$&'()*+;=%]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]+)([/?].*)?$/i;
/** A list of codings, none of them chunked. */
const OTHER_CODINGS = /^(?!.*chunked)[\w-]+(?:, ?[\w-]+)*$/i;
const DIGITS = /^\d{1,16}$/;
/** Two spaces and the version, up to the CRLF. */
const START_LINE_REST = 10;
const HEAD_END_LENGTH = 4;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

interface Fields {
  host: string | null;
  length: string | null;
  coding: string | null;
  connection: string;
  upgrade: string | null;
  expect: string | null;
  te: string;
  requestId: string | null;
  forwarded: ForwardedIn;
  /** What is left for the upstream, beginning with CRLF. */
  kept: string;
}

/**
 * Parses the head of a request, which ends with CRLF CRLF. Strict: what it accepts has exactly one meaning, and what is forwarded is built
 * anew from what was understood.
 */
export function parseRequestHead(text: string, limits: Limits): RequestHead | Refusal {
  const match = HEAD.exec(text);
  if (match === null) return explain(text, limits);
  const [, method = "", rawTarget = "", version] = match;
  const minor = version === "1.1" ? 1 : 0;
  if (method.length + rawTarget.length + 11 > limits.requestLineBytesMax) return refusal(414, "the request line is too long");
  if (hasMoreLines(text, limits.headersMax + 2)) return refusal(431, "too many header fields");
  if (method === "CONNECT" || method === "TRACE") return refusal(405, `${method} is not served`);
  const fields = readFields(text, method.length + rawTarget.length + START_LINE_REST);
  if (isRefusal(fields)) return fields;
  const place = placeOf(method, rawTarget, fields.host, minor);
  if (isRefusal(place)) return place;
  const body = bodyOf(fields, minor);
  if (typeof body === "object") return body;
  return assemble({ method, minor, fields, body, place });
}

interface Place {
  readonly target: string;
  readonly host: string;
}

interface Parts {
  readonly method: string;
  readonly minor: 0 | 1;
  readonly fields: Fields;
  readonly body: BodyLength;
  readonly place: Place;
}

function assemble({ method, minor, fields, body, place: { target, host } }: Parts): RequestHead | Refusal {
  const { close, keepAlive, upgrade, hopFields } = connectionOptions(fields.connection);
  const expect = fields.expect?.toLowerCase() ?? null;
  if (expect !== null && expect !== "100-continue" && minor === 1) return refusal(417, "this expectation is not supported");
  const kept = hopFields === null ? fields.kept : fields.kept.replace(hopFields, "");
  return {
    method,
    target,
    minor,
    host,
    body,
    keepAlive: minor === 1 ? !close : keepAlive,
    expectContinue: expect !== null && minor === 1,
    upgrade: upgrade && body === 0 && minor === 1 && method === "GET" ? upgradeOf(fields.upgrade) : null,
    acceptsTrailers: fields.te !== "" && tokens(fields.te).includes("trailers"),
    forward: `${method} ${target} HTTP/1.1\r\nHost: ${host}${kept}\r\n`,
    requestId: fields.requestId,
    forwarded: fields.forwarded,
  };
}

/** Reads the special fields and cuts them out; everything else stays as it came, in order and case (RFC 9110 section 5.3). */
function readFields(text: string, start: number): Fields | Refusal {
  const fields: Fields = {
    host: null,
    length: null,
    coding: null,
    connection: "",
    upgrade: null,
    expect: null,
    te: "",
    requestId: null,
    forwarded: NOT_FORWARDED,
    kept: "",
  };
  let from = start;
  SPECIAL.lastIndex = start;
  for (let match = SPECIAL.exec(text); match !== null; match = SPECIAL.exec(text)) {
    fields.kept += text.slice(from, match.index);
    from = SPECIAL.lastIndex;
    const problem = takeField(fields, (match[1] ?? "").toLowerCase(), withoutTrailingSpace(match[2] ?? ""));
    if (problem !== null) return problem;
  }
  fields.kept += text.slice(from, text.length - HEAD_END_LENGTH);
  return fields;
}

/** Only SP and HTAB are white space here (RFC 9110 section 5.6.3); `trimEnd` would also take U+00A0 and others that a reader of bytes sees. */
export function withoutTrailingSpace(value: string): string {
  let end = value.length;
  while (end > 0 && (value[end - 1] === " " || value[end - 1] === "\t")) end -= 1;
  return end === value.length ? value : value.slice(0, end);
}

function takeField(fields: Fields, name: string, value: string): Refusal | null {
  switch (name) {
    case "host":
      if (fields.host !== null) return refusal(400, "more than one Host field");
      fields.host = value;
      return null;
    case "content-length":
      if (fields.length !== null) return refusal(400, "more than one Content-Length field");
      fields.length = value;
      return null;
    case "transfer-encoding":
      if (fields.coding !== null) return refusal(400, "more than one Transfer-Encoding field");
      fields.coding = value;
      return null;
    case "connection":
      fields.connection += `,${value}`;
      return null;
    case "upgrade":
      fields.upgrade = value;
      return null;
    case "expect":
      fields.expect = fields.expect === null ? value : `${fields.expect},${value}`;
      return null;
    case "te":
      fields.te += `,${value}`;
      return null;
    case "x-request-id":
      if (REQUEST_ID.test(value)) fields.requestId ??= value;
      return null;
    default:
      fields.forwarded = noteForwarded(fields.forwarded, name, value);
      return null;
  }
}

/** Origin form, absolute form (RFC 9112 section 3.2.2: its authority replaces Host) or `*`. */
function placeOf(method: string, target: string, host: string | null, minor: 0 | 1): Place | Refusal {
  if (host === null && minor === 1) return refusal(400, "no Host field");
  if (host !== null && !isHost(host)) return refusal(400, "the Host field is invalid");
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return { target, host: host ?? "localhost" };
  return absolutePlaceOf(method, target) ?? refusal(400, "the request target is invalid");
}

function absolutePlaceOf(method: string, target: string): Place | null {
  const [, host, rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (host === undefined || !isHost(host)) return null;
  if (rest === "") return { host, target: method === "OPTIONS" ? "*" : "/" };
  return { host, target: rest.startsWith("/") ? rest : `/${rest}` };
}

function isHost(text: string): boolean {
  const match = HOST.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

/** RFC 9112 section 6.3. Whatever two readers could understand in two ways is refused. */
function bodyOf(fields: Fields, minor: 0 | 1): BodyLength | Refusal {
  const { coding, length } = fields;
  if (coding !== null) {
    if (length !== null) return refusal(400, "both Content-Length and Transfer-Encoding");
    if (minor === 0) return refusal(400, "Transfer-Encoding in HTTP/1.0");
    return coding.toLowerCase() === "chunked"
      ? "chunked"
      : refusal(OTHER_CODINGS.test(coding) ? 501 : 400, "the transfer coding is not supported");
  }
  if (length === null) return 0;
  if (!DIGITS.test(length) || Number(length) > Number.MAX_SAFE_INTEGER)
    return refusal(400, "the Content-Length field is invalid");
  return Number(length);
}

/** Only what a tunnel makes sense for; `h2c` would smuggle requests past us. */
function upgradeOf(upgrade: string | null): string | null {
  if (upgrade === null) return null;
  return /^[\w\-./]+$/.test(upgrade) && !/^h2c?$/i.test(upgrade) ? upgrade : null;
}

/** True if the text has more lines than that. A line has at least four characters ("a:" and CRLF), so most heads need no count. */
export function hasMoreLines(text: string, max: number): boolean {
  if (text.length <= 4 * max) return false;
  let count = 0;
  for (let at = text.indexOf("\r\n"); at >= 0; at = text.indexOf("\r\n", at + 2)) count += 1;
  return count > max;
}

/** The status for a head that does not match; the slow path. */
function explain(text: string, limits: Limits): Refusal {
  const line = text.slice(0, Math.max(0, text.indexOf("\r\n")));
  if (line.length > limits.requestLineBytesMax) return refusal(414, "the request line is too long");
  if (/ HTTP\/(?:1\.[2-9]|[2-9]\.\d)$/.test(line)) return refusal(505, "this HTTP version is not served here");
  return refusal(400, "the request is not valid HTTP/1.1");
}
