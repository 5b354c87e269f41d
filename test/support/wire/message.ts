/** One HTTP/1.1 message as it stood on the wire, in latin1. */
export interface Message {
  /** Exactly the bytes. */
  readonly raw: string;
  readonly startLine: string;
  /** Name and value of each field, in order, as they came. */
  readonly fields: readonly (readonly [string, string])[];
  /** Without framing. */
  readonly body: string;
  readonly trailers: readonly string[];
}

export type Framing =
  /** As Content-Length or Transfer-Encoding says; nothing without them. */
  | "request"
  /** As a request, but without a length it goes on until the connection closes. */
  | "response"
  /** An answer to HEAD, a 1xx, 204 or 304. */
  | "bodyless";

/**
 * Takes one message off the front of `text`, or null while it is not all there. Deliberately another reader than the proxy's, and a naive
 * one: it understands only what a proxy should emit, and throws on the rest.
 */
export function readMessage(text: string, framing: Framing, ended = false): Message | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [startLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1 || /[\s]/.test(line.slice(0, colon))) throw new Error(`Not a field line: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  const from = end + 4;
  const head = { startLine, fields };
  if (framing === "bodyless") return { ...head, raw: text.slice(0, from), body: "", trailers: [] };
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Error(`Framed twice: ${JSON.stringify(text.slice(0, end))}`);
  if (codings[0] !== undefined) {
    const chunked = readChunked(text, from);
    return chunked === null ? null : { ...head, raw: text.slice(0, chunked.end), body: chunked.body, trailers: chunked.trailers };
  }
  const length = lengths[0] === undefined ? null : Number(lengths[0]);
  if (length === null && framing === "response")
    return ended ? { ...head, raw: text, body: text.slice(from), trailers: [] } : null;
  const bodyEnd = from + (length ?? 0);
  if (text.length < bodyEnd) return null;
  return { ...head, raw: text.slice(0, bodyEnd), body: text.slice(from, bodyEnd), trailers: [] };
}

function readChunked(text: string, start: number): { body: string; end: number; trailers: string[] } | null {
  let at = start;
  let body = "";
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const line = text.slice(at, lineEnd);
    if (!/^[0-9a-f]{1,8}$/.test(line)) throw new Error(`Not a chunk line of a proxy: ${JSON.stringify(line)}`);
    const size = parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) return readTrailers(text, at, body);
    if (text.length < at + size + 2) return null;
    if (text.slice(at + size, at + size + 2) !== "\r\n") throw new Error("No CRLF after a chunk");
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

function readTrailers(text: string, start: number, body: string): { body: string; end: number; trailers: string[] } | null {
  const trailers: string[] = [];
  for (let at = start; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    if (lineEnd === at) return { body, end: at + 2, trailers };
    trailers.push(text.slice(at, lineEnd));
    at = lineEnd + 2;
  }
}

function valuesOf(fields: Message["fields"], name: string): string[] {
  return fields.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
}

/** The status of a response. */
export function statusOf(message: Message): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(message.startLine)?.[1] ?? NaN);
}
