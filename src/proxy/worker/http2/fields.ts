import type { OutgoingHttpHeaders } from "node:http2";

/** Not part of HTTP/2 (RFC 9113 section 8.2.2): Node throws where one is to be sent. `te` is set anew where it is allowed. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
const NONE: ReadonlySet<string> = new Set();

/**
 * Field lines ("Name: value" with CRLF), the form that the two halves of an exchange share, as HTTP/2 has them: names and values one after the
 * other, added to `fields`. `from`: where to begin in the text.
 */
export function addFields(fields: string[], lines: string, from = 0): string[] {
  let at = from;
  for (let end = lines.indexOf("\r\n", at); end >= 0; end = lines.indexOf("\r\n", at)) {
    const colon = lines.indexOf(":", at);
    if (colon > at && colon < end) {
      const name = lines.slice(at, colon).toLowerCase();
      if (!HOP_BY_HOP.has(name)) fields.push(name, withoutSpace(lines, colon + 1, end));
    }
    at = end + 2;
  }
  return fields;
}

/** Only SP and HTAB are white space here (RFC 9110 section 5.6.3). */
function withoutSpace(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Where the first line of a head ends. */
export function afterStartLine(text: string): number {
  return text.indexOf("\r\n") + 2;
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

/** The value of the first field of that name. */
export function valueOf(fields: readonly string[], name: string): string | null {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1] ?? "";
  return null;
}

/** Interim heads and trailers as Node sends them. */
export function objectOf(lines: string, from = 0): OutgoingHttpHeaders {
  const all: Record<string, string[]> = {};
  const fields = addFields([], lines, from);
  for (let at = 0; at < fields.length; at += 2) (all[fields[at] ?? ""] ??= []).push(fields[at + 1] ?? "");
  return all;
}
