/** The pseudo-fields of a request (RFC 9113 section 8.3.1). */
const PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path"]);
/** Those of a connection, which HTTP/2 has not (RFC 9113 section 8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
/** Of which a request has one at most. */
const SINGLE: ReadonlySet<string> = new Set(["host", "content-length"]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** No white space at either end (RFC 9113 section 8.2.1). */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const PSEUDO_VALUES: Readonly<Record<string, RegExp>> = {
  ":method": /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
  ":scheme": /^[A-Za-z][A-Za-z0-9+\-.]*$/,
  // User information is not part of it (RFC 9113 section 8.3.1).
  ":authority": /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]*$/,
  ":path": /^[\x21-\x7e\x80-\xff]+$/,
};

/** What the fields of a request say of its framing. */
export interface RequestShape {
  /** As `content-length` says; null without one. */
  readonly length: number | null;
}

/** Null where a request's fields are malformed, so that its stream is all that ends (RFC 9113 section 8.1.1). */
export function shapeOf(fields: readonly string[], endOfStream: boolean): RequestShape | null {
  const single = singleFields(fields);
  if (single === null || !isComplete(single)) return null;
  const length = single.get("content-length");
  if (length === undefined) return { length: null };
  const isLength = /^\d{1,16}$/.test(length) && (!endOfStream || Number(length) === 0);
  return isLength ? { length: Number(length) } : null;
}

/** Those of which there is one at most; null where any field is not as it should be. */
function singleFields(fields: readonly string[]): ReadonlyMap<string, string> | null {
  const single = new Map<string, string>();
  let regular = false;
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const value = fields[at + 1] ?? "";
    const isPseudo = name.startsWith(":");
    if (isPseudo ? regular || !isPseudoField(name, value) : !isRegularField(name, value)) return null;
    regular ||= !isPseudo;
    if (!isPseudo && !SINGLE.has(name)) continue;
    if (single.has(name)) return null;
    single.set(name, value);
  }
  return single;
}

/** Trailers: no pseudo-fields, none of the framing (RFC 9113 section 8.1). */
export function areTrailers(fields: readonly string[]): boolean {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    if (name === "content-length" || !isRegularField(name, fields[at + 1] ?? "")) return false;
  }
  return true;
}

function isPseudoField(name: string, value: string): boolean {
  return PSEUDO.has(name) && PSEUDO_VALUES[name]?.test(value) === true;
}

function isRegularField(name: string, value: string): boolean {
  if (!NAME.test(name) || !VALUE.test(value) || OF_CONNECTION.has(name)) return false;
  return name !== "te" || value.toLowerCase() === "trailers";
}

function isComplete(seen: ReadonlyMap<string, string>): boolean {
  const method = seen.get(":method");
  if (method === undefined || (!seen.has(":authority") && !seen.has("host"))) return false;
  const path = seen.get(":path");
  // Refused with a status, where it is one as it should be (RFC 9113 section 8.5).
  if (method === "CONNECT") return path === undefined && !seen.has(":scheme");
  return path !== undefined && seen.has(":scheme") && (path.startsWith("/") || (path === "*" && method === "OPTIONS"));
}
