import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import { rootCertificates } from "node:tls";
import acme from "acme-client";
import type { AcmeProblem } from "./acme-failure.ts";

const REQUEST_LIMIT_MS = 30_000;

/** The client's one HTTP instance. There is never more than one order at a time, so that what it saw last belongs to the present one. */
let agent: Agent | undefined;
let problem: AcmeProblem | null = null;

// Its own repetitions would wait for minutes within an order; ours come after it, and are seen.
const defaults = acme.axios.defaults as unknown as { timeout: number; acmeSettings: { retryMaxAttempts: number } };
defaults.timeout = REQUEST_LIMIT_MS;
defaults.acmeSettings.retryMaxAttempts = 0;
acme.axios.interceptors.request.use((config) => {
  if (agent !== undefined) config.httpsAgent = agent;
  return config;
});
acme.axios.interceptors.response.use((response) => {
  if (response.status >= 400) problem = problemOf(response);
  return response;
});

/** Before each order. `roots`: a PEM file of a private authority. */
export async function beginTransport(roots: string | null): Promise<void> {
  problem = null;
  agent?.destroy();
  agent = roots === null ? undefined : new Agent({ ca: [...rootCertificates, await readFile(roots, "utf8")] });
}

export function lastProblem(): AcmeProblem | null {
  return problem;
}

function problemOf({ status, data, headers }: { status: number; data: unknown; headers: unknown }): AcmeProblem {
  const { type } = (typeof data === "object" && data !== null ? data : {}) as { type?: unknown };
  const retryAfter = (headers as Readonly<Record<string, unknown>>)["retry-after"];
  return {
    status,
    type: typeof type === "string" ? type : "",
    retryAfter: typeof retryAfter === "string" ? retryAfter : null,
  };
}
