import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import type { HealthSpec } from "../../core/app-spec.ts";
import type { ProbeOutcome } from "../../core/routes.ts";
import type { ProbeTarget } from "./probe-target.ts";

/** A health path that begins so is asked by the health checking protocol of gRPC. */
const GRPC_HEALTH = "/grpc.health.v1.Health/";
/** An uncompressed message of length 0: the health of the server as a whole. */
const GRPC_EMPTY = Buffer.alloc(5);
/** The field `status` (1) of a HealthCheckResponse is SERVING (1). */
const GRPC_SERVING = Buffer.from([0x08, 0x01]);
const EXCERPT_BYTES = 200;

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One health check over HTTP/2 without TLS, on a connection of its own. Never throws. */
export async function probeHttp2(target: ProbeTarget, health: HealthSpec, signal?: AbortSignal): Promise<ProbeOutcome> {
  const begun = performance.now();
  const address = `${target.host}:${String(target.port)}`;
  const session = connect(`http://${address}`);
  const late = new AbortController();
  const limit = setTimeout(() => {
    late.abort();
    session.destroy();
  }, health.timeoutMs);
  const giveUp = (): void => {
    session.destroy();
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const seen = await ask(session, health, address);
    if (late.signal.aborted) throw new Error("a body without an end");
    const ms = Math.round(performance.now() - begun);
    return health.path.startsWith(GRPC_HEALTH) ? judgeGrpc(seen, ms) : judge(seen, ms);
  } catch (error) {
    return failureOf(error as NodeJS.ErrnoException, address, health, late.signal.aborted);
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener("abort", giveUp);
    session.destroy();
  }
}

function ask(session: ClientHttp2Session, health: HealthSpec, address: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    session.on("close", () => {
      reject(new Error("the connection was closed without an answer"));
    });
    const stream = request(session, health, address);
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (fields) => (headers = fields));
    stream.on("trailers", (fields: IncomingHttpHeaders) => (trailers = fields));
    stream.on("data", (data: Buffer) => pieces.push(data));
    // A stream that never was one says so before its session says why.
    stream.on("error", (error: Error) => {
      reject(error.cause instanceof Error ? error.cause : error);
    });
    stream.on("end", () => {
      // It also ends when its session does; then that says why.
      if (headers[":status"] !== undefined) resolve({ headers, trailers, body: Buffer.concat(pieces) });
    });
  });
}

function request(session: ClientHttp2Session, { path, host }: HealthSpec, address: string): ClientHttp2Stream {
  const fields = { ":path": path, ":authority": host ?? address, "user-agent": "hitless-health/1" };
  if (!path.startsWith(GRPC_HEALTH)) return session.request({ ...fields, ":method": "GET" });
  const stream = session.request({ ...fields, ":method": "POST", "content-type": "application/grpc", te: "trailers" });
  stream.end(GRPC_EMPTY);
  return stream;
}

function judge({ headers, body }: Seen, ms: number): ProbeOutcome {
  const status = Number(headers[":status"]);
  if (status >= 200 && status < 300) return { kind: "pass", status, ms };
  const excerpt = body.toString("utf8", 0, EXCERPT_BYTES).replace(/\s+/g, " ").trim();
  return { kind: "fail", reason: "status", saw: `status ${String(status)}${excerpt === "" ? "" : `, body: ${excerpt}`}` };
}

function judgeGrpc({ headers, trailers, body }: Seen, ms: number): ProbeOutcome {
  const code = String(trailers["grpc-status"] ?? headers["grpc-status"] ?? "none");
  const message = String(trailers["grpc-message"] ?? headers["grpc-message"] ?? "");
  if (code === "0" && body.subarray(5).equals(GRPC_SERVING)) return { kind: "pass", status: 200, ms };
  const saw =
    code === "0" ? "the gRPC server says that it is not serving" : `grpc-status ${code}${message === "" ? "" : `, ${message}`}`;
  return { kind: "fail", reason: "status", saw };
}

function failureOf(error: NodeJS.ErrnoException, address: string, health: HealthSpec, timedOut: boolean): ProbeOutcome {
  if (timedOut)
    return { kind: "fail", reason: "timeout", saw: `no answer to ${health.path} within ${String(health.timeoutMs)} ms` };
  if (error.code === "ECONNREFUSED") return { kind: "fail", reason: "refused", saw: `connection refused on ${address}` };
  if (error.code === "ECONNRESET")
    return { kind: "fail", reason: "reset", saw: `the connection to ${address} was closed without an answer` };
  if (error.code?.startsWith("ERR_HTTP2") === true)
    return { kind: "fail", reason: "garbage", saw: `an answer that is not HTTP/2: ${error.message}` };
  return { kind: "fail", reason: "unreachable", saw: error.message };
}
