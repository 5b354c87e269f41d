import { connectionOptions } from "./connection-options.ts";
import { hasMoreLines, withoutTrailingSpace } from "./request-head.ts";
import { refusal, type Refusal } from "./refusal.ts";

export interface ResponseHead {
  readonly status: number;
  /** Status line and end-to-end fields for the client, each line with its CRLF; framing and Connection are added by the sender. */
  readonly forward: string;
  /** As the fields say, whatever the status implies: bytes, chunked, or until the connection closes. */
  readonly body: number | "chunked" | "close";
  /** The Content-Length field as it came, for answers without a body (HEAD, 304). */
  readonly length: number | null;
  readonly keepAlive: boolean;
  readonly upgrade: string | null;
  /** The names of the trailers to come, as announced. */
  readonly trailer: string | null;
  /** `Keep-Alive: timeout=N` of the application, in milliseconds. */
  readonly idleHintMs: number | null;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const HEAD = new RegExp(
  `^HTTP/(1\\.[01]) ([1-9]\\d\\d)( [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n(?:${TOKEN}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*\\r\\n$`,
);
/** Version, space and status. */
const STATUS_LINE = 12;
const HEAD_END_LENGTH = 4;
const SPACE_BEFORE_COLON = new RegExp(`(\\r\\n${TOKEN})[\\t ]+(?=:)`, "g");
const SPECIAL =
  /\r\n(content-length|transfer-encoding|connection|keep-alive|proxy-connection|upgrade|trailer|date):[\t ]*([^\r]*)/gi;

/** Parses the head of a response, which ends with CRLF CRLF; the refusal's status is what the client gets (RFC 9112 section 6.3: 502). */
export function parseResponseHead(text: string, headersMax: number): ResponseHead | Refusal {
  // RFC 9112 section 5.1: a proxy takes white space before a colon out of a response.
  const match = HEAD.exec(text);
  if (match === null) return retry(text, headersMax);
  const [, version, status = "", reason = ""] = match;
  if (hasMoreLines(text, headersMax + 2)) return refusal(502, "the application's answer has too many header fields");
  const fields = readFields(text, STATUS_LINE + reason.length);
  if (fields === null) return refusal(502, "the application's answer has contradictory lengths");
  const { close, keepAlive, upgrade, hopFields } = connectionOptions(fields.connection);
  const kept = hopFields === null ? fields.kept : fields.kept.replace(hopFields, "");
  const date = fields.dated || status.startsWith("1") ? "" : `\r\nDate: ${httpDate()}`;
  return {
    status: Number(status),
    forward: `HTTP/1.1 ${status}${reason === "" ? " " : reason}${kept}${date}\r\n`,
    body: fields.chunked ? "chunked" : (fields.length ?? "close"),
    length: fields.length,
    // Transfer-Encoding in HTTP/1.0 makes the framing suspect (RFC 9112 section 6.1).
    keepAlive: version === "1.1" ? !close : keepAlive && !fields.chunked,
    upgrade: upgrade ? fields.upgrade : null,
    trailer: fields.trailer,
    idleHintMs: fields.idleHintMs,
  };
}

function invalid(): Refusal {
  return refusal(502, "the application's answer is not valid HTTP/1.1");
}

/** RFC 9112 section 5.1: a proxy takes white space before a colon out of a response. */
function retry(text: string, headersMax: number): ResponseHead | Refusal {
  const cleaned = text.replace(SPACE_BEFORE_COLON, "$1");
  return cleaned === text ? invalid() : parseResponseHead(cleaned, headersMax);
}

interface Fields {
  length: number | null;
  chunked: boolean;
  connection: string;
  upgrade: string | null;
  trailer: string | null;
  idleHintMs: number | null;
  dated: boolean;
  kept: string;
}

function readFields(text: string, start: number): Fields | null {
  const fields: Fields = {
    length: null,
    chunked: false,
    connection: "",
    upgrade: null,
    trailer: null,
    idleHintMs: null,
    dated: false,
    kept: "",
  };
  let from = start;
  SPECIAL.lastIndex = start;
  for (let match = SPECIAL.exec(text); match !== null; match = SPECIAL.exec(text)) {
    const name = (match[1] ?? "").toLowerCase();
    if (name === "date") {
      fields.dated = true;
      continue;
    }
    fields.kept += text.slice(from, match.index);
    from = SPECIAL.lastIndex;
    if (!takeField(fields, name, withoutTrailingSpace(match[2] ?? ""))) return null;
  }
  fields.kept += text.slice(from, text.length - HEAD_END_LENGTH);
  return fields.chunked && fields.length !== null ? null : fields;
}

function takeField(fields: Fields, name: string, value: string): boolean {
  switch (name) {
    case "content-length":
      if (!/^\d{1,16}$/.test(value) || Number(value) > Number.MAX_SAFE_INTEGER) return false;
      if (fields.length !== null && fields.length !== Number(value)) return false;
      fields.length = Number(value);
      return true;
    case "transfer-encoding":
      if (fields.chunked || value.toLowerCase() !== "chunked") return false;
      fields.chunked = true;
      return true;
    case "connection":
      fields.connection += `,${value}`;
      return true;
    case "keep-alive":
      fields.idleHintMs = idleHint(value);
      return true;
    case "upgrade":
      fields.upgrade = value;
      return true;
    case "trailer":
      fields.trailer = fields.trailer === null ? value : `${fields.trailer}, ${value}`;
      return true;
    default:
      return true;
  }
}

function idleHint(value: string): number | null {
  const match = /timeout=(\d{1,5})/.exec(value);
  return match === null ? null : Number(match[1]) * 1000;
}

/** Answers without a body, whatever their fields say (RFC 9110 section 6.4.1). */
export function isBodyless(toHead: boolean, status: number): boolean {
  return toHead || status === 204 || status === 304;
}

let dateText = "";
let dateSecond = 0;

/** The Date field (RFC 9110 section 6.6.1), made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
