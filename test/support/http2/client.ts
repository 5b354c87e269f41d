import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import type { SecureClientSessionOptions } from "node:http2";
import { onTestFinished } from "vitest";

/** One answer, or how it ended without one. */
export interface Http2Answer {
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  /** As they came: names and values one after the other. */
  readonly fields: readonly string[];
  readonly interim: readonly IncomingHttpHeaders[];
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** The code of RST_STREAM; 0 for an answer that ended in order. */
  readonly code: number;
}

/** Connects with node:http2; goes away with the running test. */
export async function connectHttp2(
  port: number,
  options: SecureClientSessionOptions & { secure?: boolean } = {},
): Promise<ClientHttp2Session> {
  const { secure = false, ...more } = options;
  const session = connect(`${secure ? "https" : "http"}://127.0.0.1:${port}`, { rejectUnauthorized: false, ...more });
  onTestFinished(() => {
    session.destroy();
  });
  session.on("error", () => undefined);
  await once(session, "connect");
  return session;
}

type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Sends a request with its whole body, and waits until the stream is over. */
export async function ask(session: ClientHttp2Session, fields: Fields = {}, body?: string | Buffer): Promise<Http2Answer> {
  const stream = open(session, fields, body === undefined);
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

/** Begins a request. */
export function open(session: ClientHttp2Session, fields: Fields = {}, endStream = false): ClientHttp2Stream {
  const stream = session.request({ ":authority": "a", ":path": "/", ...fields }, { endStream });
  stream.on("error", () => undefined);
  return stream;
}

/** Never throws: what went wrong stands in the answer. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let fields: readonly string[] = [];
  const interim: IncomingHttpHeaders[] = [];
  let body = "";
  const onResponse = (taken: IncomingHttpHeaders, _flags: number, raw: string[]): void => {
    headers = taken;
    fields = raw;
  };
  stream.on("response", onResponse as (headers: IncomingHttpHeaders, flags: number) => void);
  stream.on("headers", (taken) => interim.push(taken));
  stream.on("trailers", (taken: IncomingHttpHeaders) => (trailers = taken));
  stream.setEncoding("latin1").on("data", (text: string) => (body += text));
  if (!stream.destroyed) await new Promise((resolve) => stream.once("close", resolve));
  const status = headers[":status"] === undefined ? null : Number(headers[":status"]);
  return { status, headers, fields, interim, body, trailers, code: stream.rstCode };
}
