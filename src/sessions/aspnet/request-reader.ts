/** A request of the ASP.NET State Server Protocol ([MS-ASP] 2.2.5). */
export interface AspNetRequest {
  readonly method: string;
  /** What the session is known by: application, domain and session, as they were sent. */
  readonly id: string;
  /** Names in lower case and without hyphens: the specification writes Lock-Cookie, Microsoft's programs LockCookie. */
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes, one per character. */
  readonly content: string;
}

/** Not a request of this protocol; what follows on the connection cannot be understood. */
export class BadRequest extends Error {}

const HEAD_MAX = 16_384;
const HEAD_END = "\r\n\r\n";
const REQUEST_LINE = /^([A-Z]{1,16}) (\/\S*) HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Takes requests out of what a connection has read, in any pieces. */
export class RequestReader {
  readonly #contentMax: number;
  #chunks: Buffer[] = [];
  #length = 0;
  /** So many bytes are there at least when the next request is whole. */
  #needed = 0;

  /** `contentMax`: bytes. */
  constructor(contentMax: number) {
    this.#contentMax = contentMax;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The bytes are only lent. */
  feed(data: Buffer): void {
    this.#chunks.push(Buffer.from(data));
    this.#length += data.length;
  }

  /** The next request, if it is whole. @throws BadRequest */
  next(): AspNetRequest | null {
    if (this.#length === 0 || this.#length < this.#needed) return null;
    const bytes = this.rest();
    const end = bytes.subarray(0, HEAD_MAX).indexOf(HEAD_END);
    if (end === -1) {
      if (bytes.length >= HEAD_MAX) throw new BadRequest("the head is too long");
      this.#needed = bytes.length + 1;
      return null;
    }
    const head = parseHead(bytes.toString("latin1", 0, end));
    const from = end + HEAD_END.length;
    const to = from + contentLength(head.fields, this.#contentMax);
    this.#needed = to;
    if (bytes.length < to) return null;
    this.#chunks = [bytes.subarray(to)];
    this.#length = bytes.length - to;
    this.#needed = 0;
    return { ...head, content: bytes.toString("latin1", from, to) };
  }

  /** What has been read and not been taken. */
  rest(): Buffer {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }
}

function parseHead(text: string): Omit<AspNetRequest, "content"> {
  const [line = "", ...lines] = text.split("\r\n");
  const [, method, id] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || id === undefined) throw new BadRequest("the first line is not that of a request");
  const fields = new Map<string, string>();
  for (const one of lines) {
    const [, name, value] = FIELD.exec(one) ?? [];
    if (name === undefined || value === undefined) throw new BadRequest("a line of the head is not a field");
    const known = name.toLowerCase().replaceAll("-", "");
    if (fields.has(known)) throw new BadRequest(`${name} is there twice`);
    fields.set(known, value);
  }
  return { method, id, fields };
}

function contentLength(fields: ReadonlyMap<string, string>, max: number): number {
  const text = fields.get("contentlength") ?? "0";
  const length = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (fields.has("transferencoding") || !(length <= max))
    throw new BadRequest("the length of the content is not given, or too large");
  return length;
}
