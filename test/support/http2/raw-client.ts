import { connectRaw, type RawClient } from "../wire/raw-client.ts";
import { ACK, END_HEADERS, END_STREAM, FRAME, fieldBlock, frame, PREFACE, readFrame, statusOf, uint32 } from "./frames.ts";

export type FieldList = readonly (readonly [string, string])[];

const CONNECTION_WINDOW = 2 ** 30;

/** What has come back on one stream. */
export interface RawStream {
  status: number | null;
  /** Statuses of the interim answers. */
  readonly interim: number[];
  body: string;
  /** HEADERS and DATA in their order, and which of them had END_STREAM. */
  readonly frames: string[];
  /** END_STREAM has come. */
  ended: boolean;
  /** The code of RST_STREAM. */
  reset: number | null;
}

/** An HTTP/2 client that sends whatever frames it is told. It acknowledges settings and opens no stream's window by itself. */
export class RawHttp2Client {
  readonly wire: RawClient;
  /** Code and last stream of each GOAWAY. */
  readonly goaways: { code: number; last: number }[] = [];
  /** What the server's SETTINGS say, by their numbers (RFC 9113 section 6.5.2). */
  readonly settings = new Map<number, number>();
  readonly #streams = new Map<number, RawStream>();
  readonly #acknowledges: boolean;
  #input = Buffer.alloc(0);
  #next = 1;

  private constructor(wire: RawClient, acknowledges: boolean) {
    this.wire = wire;
    this.#acknowledges = acknowledges;
  }

  /** Without `acknowledges` it has not heard yet what the server wants. */
  static async connect(port: number, { acknowledges = true } = {}): Promise<RawHttp2Client> {
    const client = new RawHttp2Client(await connectRaw(port), acknowledges);
    client.wire.send(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    // The connection's window is out of the way: each stream has its own.
    client.openWindow(0, CONNECTION_WINDOW);
    return client;
  }

  /** Sends a HEADERS frame on a new stream and gives its number. */
  open(fields: FieldList, { end = true } = {}): number {
    const stream = this.#next;
    this.#next += 2;
    this.wire.send(frame(FRAME.headers, END_HEADERS | (end ? END_STREAM : 0), stream, fieldBlock(fields)));
    return stream;
  }

  data(stream: number, text: string, { end = true } = {}): void {
    this.wire.send(frame(FRAME.data, end ? END_STREAM : 0, stream, Buffer.from(text, "latin1")));
  }

  trailers(stream: number, fields: FieldList): void {
    this.wire.send(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, fieldBlock(fields)));
  }

  reset(stream: number, code: number): void {
    this.wire.send(frame(FRAME.reset, 0, stream, uint32(code)));
  }

  /** Stream 0 is the connection. */
  openWindow(stream: number, bytes: number): void {
    this.wire.send(frame(FRAME.windowUpdate, 0, stream, uint32(bytes)));
  }

  stream(number: number): RawStream {
    let stream = this.#streams.get(number);
    if (stream === undefined) {
      stream = { status: null, interim: [], body: "", frames: [], ended: false, reset: null };
      this.#streams.set(number, stream);
    }
    return stream;
  }

  async until<T>(what: string, check: () => T | null): Promise<T> {
    return this.wire.until(what, () => {
      this.#read();
      return check();
    });
  }

  /** The stream is over, in whatever way. */
  async over(number: number): Promise<RawStream> {
    const stream = this.stream(number);
    return this.until(`the end of stream ${number}`, () => (stream.ended || stream.reset !== null ? stream : null));
  }

  /** Everything that the server sent before has been read. */
  async settled(): Promise<void> {
    const mark = `${this.#next}`.padStart(8, "0");
    this.wire.send(frame(FRAME.ping, 0, 0, Buffer.from(mark)));
    await this.until("a PING comes back", () => (this.#pings.has(mark) ? true : null));
  }

  readonly #pings = new Set<string>();

  #read(): void {
    this.#input = Buffer.concat([this.#input, Buffer.from(this.wire.text, "latin1")]);
    this.wire.text = "";
    for (let next = readFrame(this.#input); next !== null; next = readFrame(this.#input)) {
      this.#input = Buffer.from(next.rest);
      this.#take(next.frame.type, next.frame);
    }
  }

  #take(type: number, { flags, stream, payload }: { flags: number; stream: number; payload: Buffer }): void {
    if (type === FRAME.settings && (flags & ACK) === 0) this.#takeSettings(payload);
    else if (type === FRAME.ping && (flags & ACK) === 0) this.wire.send(frame(FRAME.ping, ACK, 0, payload));
    else if (type === FRAME.ping) this.#pings.add(payload.toString("latin1"));
    else if (type === FRAME.goaway) this.goaways.push({ last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) });
    else if (stream !== 0) takeOnStream(this.stream(stream), type, flags, payload);
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    if (this.#acknowledges) this.wire.send(frame(FRAME.settings, ACK, 0));
  }
}

function takeOnStream(stream: RawStream, type: number, flags: number, payload: Buffer): void {
  if (type === FRAME.reset) stream.reset = payload.readUInt32BE(0);
  if (type === FRAME.data) stream.body += payload.toString("latin1");
  if (type === FRAME.headers) {
    const status = statusOf(payload);
    if (status !== null && status < 200) stream.interim.push(status);
    else stream.status ??= status;
  }
  if (type !== FRAME.data && type !== FRAME.headers) return;
  const ends = (flags & END_STREAM) !== 0;
  stream.ended ||= ends;
  stream.frames.push(`${type === FRAME.data ? "DATA" : "HEADERS"}${ends ? ", END_STREAM" : ""}`);
}

/** A GET as it should be; fields replace those of the same name, or are added. */
export function get(path = "/", more: FieldList = []): FieldList {
  return request("GET", path, more);
}

export function request(method: string, path = "/", more: FieldList = []): FieldList {
  const start: FieldList = [
    [":method", method],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", path],
  ];
  return [...start, ...more];
}
