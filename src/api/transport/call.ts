import http from "node:http";
import { HitlessError, type Failure } from "../../base/error.ts";
import { ERROR_CODES, type ErrorCode } from "../../base/error-codes.ts";

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** What is thrown when nobody answers on the socket. */
  readonly unreachable: Failure;
}

/** One JSON call over a unix socket. A `Failure` in the answer is thrown as HitlessError; so is a socket nobody answers on. */
export async function call<T>(socketPath: string, path: string, options: CallOptions): Promise<T> {
  const { status, text } = await exchange(socketPath, path, options);
  const value = parse(text, options.unreachable);
  if (status === 200) return value as T;
  throw new HitlessError(
    isFailure(value) ? value : { ...options.unreachable, why: `It answered with status ${status}: ${text.slice(0, 200)}` },
  );
}

function exchange(socketPath: string, path: string, options: CallOptions): Promise<{ status: number; text: string }> {
  const { method = "GET", body, signal, unreachable } = options;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      if (signal?.aborted === true) reject(error);
      else reject(new HitlessError({ ...unreachable, why: error.message }, { cause: error }));
    };
    const request = http.request(
      { socketPath, path, method, agent: false, ...(signal === undefined ? {} : { signal }) },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", fail);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString("utf8") });
        });
      },
    );
    request.on("error", fail);
    if (body === undefined) request.end();
    else {
      const text = Buffer.from(JSON.stringify(body));
      request.setHeader("content-type", "application/json");
      // Node frames a DELETE with a body only when told how.
      request.setHeader("content-length", text.length);
      request.end(text);
    }
  });
}

function parse(text: string, unreachable: Failure): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new HitlessError({ ...unreachable, why: "Its answer is not JSON." }, { cause: error });
  }
}

function isFailure(value: unknown): value is Failure {
  if (typeof value !== "object" || value === null || !("code" in value) || !("what" in value)) return false;
  return typeof value.code === "string" && value.code in ERROR_CODES && (value.code as ErrorCode).startsWith("ERR_");
}
