import type { AddressInfo } from "node:net";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { onTestFinished } from "vitest";

export interface SeenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly fields: readonly string[];
  body: string;
  trailers: IncomingHttpHeaders;
  /** Ended in order. */
  whole: boolean;
  /** The code of RST_STREAM, when it is over. */
  code: number | null;
}

export type Handler = (stream: ServerHttp2Stream, request: SeenRequest, index: number) => void;

/** An application that speaks HTTP/2 without TLS, and remembers what it was asked. */
export class Http2Upstream {
  readonly port: number;
  readonly requests: SeenRequest[] = [];
  readonly sessions: ServerHttp2Session[] = [];

  private constructor(port: number) {
    this.port = port;
  }

  static async start(handler: Handler = ok, settings: Parameters<typeof createServer>[0] = {}): Promise<Http2Upstream> {
    const server = createServer(settings);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const upstream = new Http2Upstream((server.address() as AddressInfo).port);
    server.on("session", (session) => {
      upstream.sessions.push(session);
      session.on("error", () => undefined);
    });
    server.on("stream", (stream, headers, _flags, fields: string[]) => {
      const request: SeenRequest = { headers, fields, body: "", trailers: {}, whole: false, code: null };
      upstream.requests.push(request);
      stream.on("error", () => undefined);
      stream.on("trailers", (trailers: IncomingHttpHeaders) => (request.trailers = trailers));
      stream.on("end", () => (request.whole = !stream.aborted));
      stream.on("close", () => (request.code = stream.rstCode));
      handler(stream, request, upstream.requests.length);
    });
    onTestFinished(() => {
      server.close();
      for (const session of upstream.sessions) session.destroy();
    });
    return upstream;
  }
}

/** Reads the whole request, then answers 200 with a short body. */
export function ok(stream: ServerHttp2Stream, request: SeenRequest): void {
  stream.setEncoding("latin1").on("data", (text: string) => (request.body += text));
  stream.on("end", () => {
    if (stream.aborted || stream.destroyed) return;
    stream.respond({ ":status": 200, "content-type": "text/plain" });
    stream.end("ok");
  });
}
