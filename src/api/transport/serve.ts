import { chmod, rm } from "node:fs/promises";
import http from "node:http";
import { connect } from "node:net";
import type { z } from "zod";
import { ERROR_CODES, type ErrorKind } from "../../base/error-codes.ts";
import { HitlessError, toFailure, type Failure } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";

/** What a handler is given. `signal` is aborted when the client goes away before it was answered. */
export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: string;
  /** Path with `:name` parts. */
  readonly path: string;
  readonly handle: (call: Call) => unknown;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;

const STATUS: Readonly<Record<ErrorKind, number>> = {
  usage: 404,
  config: 400,
  conflict: 409,
  unhealthy: 409,
  unavailable: 503,
  timeout: 503,
  mixed: 500,
  aborted: 409,
  invariant: 500,
};

/**
 * Serves JSON over HTTP/1.1 on a unix socket with mode 0600. A socket file nobody listens on is replaced; with `replace`, for who has taken over from
 * a process that hangs, any. Throws ERR_DAEMON_RUNNING if somebody listens.
 */
export async function serve(
  socketPath: string,
  routes: readonly Route[],
  log: Logger,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<http.Server> {
  if (replace) await rm(socketPath, { force: true });
  else await replaceStale(socketPath);
  const matchers = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  const server = http.createServer((request, response) => {
    void answer(request, response, matchers, log);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      resolve();
    });
  });
  await chmod(socketPath, 0o600);
  return server;
}

/** Checks a body against its schema; every problem is listed. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new HitlessError({
    code: "ERR_USAGE",
    what: "The request is not valid.",
    details: parsed.error.issues.map((issue) => `${issue.path.join(".") || "(body)"}: ${issue.message}`),
  });
}

async function replaceStale(socketPath: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(socketPath);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => {
      resolve(false);
    });
  });
  if (alive) throw new HitlessError({ code: "ERR_DAEMON_RUNNING", what: `Another process already serves ${socketPath}.` });
  await rm(socketPath, { force: true });
}

interface Matcher {
  readonly route: Route;
  readonly pattern: RegExp;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:([a-z]+)/g, "(?<$1>[^/]+)")}$`);
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  matchers: readonly Matcher[],
  log: Logger,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => {
    gone.abort();
  });
  try {
    const url = new URL(request.url ?? "/", "http://socket");
    const { route, params } = find(matchers, request.method ?? "GET", url.pathname);
    const body = await readBody(request);
    send(response, 200, (await route.handle({ params, query: url.searchParams, body, signal: gone.signal })) ?? {});
  } catch (error) {
    if (gone.signal.aborted) return;
    const failure = toFailure(error, "ERR_INVARIANT", "The call failed.");
    if (failure.code === "ERR_INVARIANT")
      log.error("a call failed", { method: request.method, url: request.url, error: String(error) });
    send(response, statusOf(failure), failure);
  }
}

function find(matchers: readonly Matcher[], method: string, path: string): { route: Route; params: Record<string, string> } {
  for (const { route, pattern } of matchers) {
    const match = route.method === method ? pattern.exec(path) : null;
    if (match === null) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decode(value)]);
    return { route, params: Object.fromEntries(params) as Record<string, string> };
  }
  throw new HitlessError({
    code: "ERR_USAGE",
    what: `There is no call ${method} ${path}.`,
    next: "The versions of client and daemon may differ.",
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HitlessError({ code: "ERR_USAGE", what: `The path part ${text} is not valid.` });
  }
}

async function readBody(request: http.IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) throw new HitlessError({ code: "ERR_USAGE", what: "The request is larger than 8 MiB." });
    pieces.push(piece);
  }
  if (bytes === 0) return null;
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8")) as unknown;
  } catch (error) {
    throw new HitlessError({ code: "ERR_USAGE", what: "The request's body is not JSON.", why: String(error) });
  }
}

function send(response: http.ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

function statusOf(failure: Failure): number {
  return failure.code === "ERR_USAGE" ? 400 : STATUS[ERROR_CODES[failure.code].kind];
}
