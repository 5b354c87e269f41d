import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { performance } from "node:perf_hooks";
import { HitlessError } from "../../base/error.ts";
import type { Http, HttpAnswer, HttpRequest } from "../../ports/http.ts";

const BODY_MAX = 4 * 1_048_576;

/** Requests by Node's own client, each on a connection of its own. */
export const nodeHttp: Http = {
  async send(request, signal) {
    const limit = AbortSignal.timeout(request.timeoutMs);
    const startedAt = performance.now();
    try {
      const answer = await answerOf(request, AbortSignal.any([signal, limit]));
      const body = await bodyOf(answer);
      return { status: answer.statusCode ?? 0, headers: headersOf(answer), body, ms: performance.now() - startedAt };
    } catch (error) {
      signal.throwIfAborted();
      const why = limit.aborted
        ? `no answer within ${String(request.timeoutMs)} ms`
        : error instanceof Error
          ? error.message
          : String(error);
      throw new HitlessError(
        { code: "ERR_HTTP_FAILED", what: `${withoutSecrets(request.url)} did not answer.`, why },
        { cause: error },
      );
    }
  },
};

function answerOf({ method, url, headers, body, via }: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const send = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const { host, hostname } = new URL(url);
    const there =
      via === undefined
        ? {}
        : { hostname: via.host, port: via.port, servername: isIP(hostname) === 0 ? hostname : "", rejectUnauthorized: false };
    const sent = send(url, { method, ...there, headers: { ...headers, host, ...length }, agent: false, signal }, resolve);
    sent.on("error", reject);
    sent.end(body ?? undefined);
  });
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= BODY_MAX) break;
  }
  return Buffer.concat(pieces).subarray(0, BODY_MAX).toString("utf8");
}

function headersOf({ headersDistinct }: IncomingMessage): HttpAnswer["headers"] {
  return Object.fromEntries(Object.entries(headersDistinct).map(([name, values]) => [name, values ?? []]));
}

/** Webhooks carry their secret in the path or the query. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "the server";
}
