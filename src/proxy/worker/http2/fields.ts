import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** Field lines ("Name: value" with CRLF), the form that the two halves of an exchange share, as HTTP/2 has them: a flat list of names and values. */
export function fieldsOf(lines: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (let end = lines.indexOf("\r\n", at); end >= 0; end = lines.indexOf("\r\n", at)) {
    const colon = lines.indexOf(":", at);
    if (colon > at && colon < end) fields.push(lines.slice(at, colon).toLowerCase(), lines.slice(colon + 1, end).trim());
    at = end + 2;
  }
  return fields;
}

/** What follows the first line. */
export function afterStartLine(text: string): string {
  return text.slice(text.indexOf("\r\n") + 2);
}

/** The other way round; pseudo-fields and those named are left out. Crumbs of a cookie become one field (RFC 9113 section 8.2.3). */
export function linesOf(fields: readonly string[], without: ReadonlySet<string> = NONE): string {
  let lines = "";
  let cookie = "";
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const value = fields[at + 1] ?? "";
    if (name.startsWith(":") || without.has(name)) continue;
    if (name === "cookie") cookie += cookie === "" ? value : `; ${value}`;
    else lines += `${name}: ${value}\r\n`;
  }
  return cookie === "" ? lines : `${lines}cookie: ${cookie}\r\n`;
}

const NONE: ReadonlySet<string> = new Set();

export function valueOf(fields: readonly string[], name: string): string | null {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1] ?? "";
  return null;
}

/** Trailers as Node sends them. */
export function trailersOf(lines: string): OutgoingHttpHeaders {
  const trailers: IncomingHttpHeaders = {};
  const fields = fieldsOf(lines);
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const before = trailers[name];
    trailers[name] = before === undefined ? fields[at + 1] : `${String(before)}, ${fields[at + 1] ?? ""}`;
  }
  return trailers;
}
