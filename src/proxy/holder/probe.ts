import http from "node:http";
import https from "node:https";
import { connect, type Socket } from "node:net";
import type { HealthSpec } from "../../core/app-spec.ts";
import type { ProbeTarget } from "./probe-target.ts";
import { probeHttp2 } from "./probe-http2.ts";
import { proxyHeader } from "../send-proxy-header.ts";
import type { ProbeFailureKind, ProbeOutcome } from "../../core/routes.ts";

const EXCERPT_BYTES = 200;

/**
 * One health check: GET on a connection of its own; only 2xx passes. Never throws. The timer is cleared at the end: one that runs on keeps
 * the finished request and its socket (AbortSignal.timeout does), and with many checks that is most of the holder's memory.
 */
export function probe(target: ProbeTarget, health: HealthSpec, signal?: AbortSignal): Promise<ProbeOutcome> {
  return health.protocol === "h2c" ? probeHttp2(target, health, signal) : probeHttp1(target, health, signal);
}

function probeHttp1(target: ProbeTarget, health: HealthSpec, signal?: AbortSignal): Promise<ProbeOutcome> {
  const begun = performance.now();
  return new Promise((resolve) => {
    let timedOut = false;
    const request = (health.tls === true ? https : http).get({
      host: target.host,
      port: target.port,
      path: health.path,
      ...connectionOf(target, health),
      headers: {
        host: health.host ?? `${target.host}:${String(target.port)}`,
        "user-agent": "hitless-health/1",
        connection: "close",
      },
    });
    const limit = setTimeout(() => {
      timedOut = true;
      request.destroy(new Error("the health check took too long"));
    }, health.timeoutMs);
    const giveUp = (): void => {
      request.destroy(new Error("the health check was given up"));
    };
    const settle = (outcome: ProbeOutcome): void => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", giveUp);
      resolve(outcome);
    };
    request.on("response", (response) => {
      void readExcerpt(response).then((excerpt) => {
        settle(judge(response, excerpt, performance.now() - begun));
        request.destroy();
      });
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      settle(failureOf(error, target, health, timedOut));
    });
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener("abort", giveUp, { once: true });
  });
}

/** Of its own. The PROXY protocol's header says that it is the proxy's, and no client's. */
function connectionOf({ host, port }: ProbeTarget, { proxyProtocol, tls }: HealthSpec): https.RequestOptions {
  // The certificate of an instance is for its clients' names, not for the address at which it is checked.
  if (tls === true) return { agent: false, rejectUnauthorized: false };
  if (proxyProtocol === undefined) return { agent: false };
  const createConnection = (): Socket => {
    const socket = connect({ host, port });
    socket.write(proxyHeader(proxyProtocol, null), "latin1");
    return socket;
  };
  return { createConnection };
}

function judge(response: http.IncomingMessage, excerpt: string, ms: number): ProbeOutcome {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: "pass", status, ms: Math.round(ms) };
  const location = response.headers.location === undefined ? "" : `, Location: ${response.headers.location}`;
  const body = excerpt === "" ? "" : `, body: ${excerpt}`;
  return { kind: "fail", reason: "status", saw: `status ${String(status)}${location}${body}` };
}

/** The beginning of the body in one line; a body that breaks off is no reason to fail. */
async function readExcerpt(response: http.IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      text += piece.toString("utf8");
      if (text.length >= EXCERPT_BYTES) break;
    }
  } catch {
    // What came before is what there is to show.
  }
  return text.slice(0, EXCERPT_BYTES).replace(/\s+/g, " ").trim();
}

function failureOf(
  error: NodeJS.ErrnoException,
  { host, port }: ProbeTarget,
  health: HealthSpec,
  timedOut: boolean,
): ProbeOutcome {
  const address = `${host}:${String(port)}`;
  const fail = (reason: ProbeFailureKind, saw: string): ProbeOutcome => ({ kind: "fail", reason, saw });
  if (timedOut) return fail("timeout", `no answer to GET ${health.path} within ${String(health.timeoutMs)} ms`);
  if (error.code === "ECONNREFUSED") return fail("refused", `connection refused on ${address}`);
  if (error.code === "ECONNRESET") return fail("reset", `the connection to ${address} was closed without an answer`);
  if (error.code?.startsWith("HPE_") === true) return fail("garbage", `an answer that is not HTTP: ${rawExcerpt(error)}`);
  if (error.code === "EPROTO") return fail("garbage", "an answer that is not TLS");
  return fail("unreachable", error.message);
}

function rawExcerpt(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): string {
  const raw = error.rawPacket?.toString("latin1").slice(0, EXCERPT_BYTES) ?? "";
  return raw === "" ? error.message : JSON.stringify(raw);
}
