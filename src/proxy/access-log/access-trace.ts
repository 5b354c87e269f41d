import type { LedgerColumn } from "../../core/ledger.ts";
import type { AccessLog } from "./access-log.ts";

interface TracedClient {
  readonly requestBeganAt: number;
}

interface TracedHead {
  readonly method: string;
  readonly target: string;
  /** Lines of the request's fields. */
  readonly forward: string;
  readonly requestId: string | null;
}

/** What is remembered of one request for the access log. */
export class AccessTrace {
  readonly #log: AccessLog;
  readonly #address: string;
  readonly #client: TracedClient;
  readonly #head: TracedHead;
  #instance: string | null = null;
  #sentAt: number | null = null;
  #requestId: string | null;
  #retries = -1;
  #bytes = 0;

  /** `address`: the client's, as far as we know it. */
  constructor(log: AccessLog, address: string, client: TracedClient, head: TracedHead) {
    this.#log = log;
    this.#address = address;
    this.#client = client;
    this.#head = head;
    this.#requestId = head.requestId;
  }

  /** It is given to an instance, for the first time or once more. */
  attempt(instance: string): void {
    this.#instance = instance;
    this.#retries += 1;
    this.#sentAt = null;
  }

  /** `requestId`: the one it was given. */
  sent(requestId: string | null): void {
    this.#sentAt = performance.now();
    this.#requestId = requestId ?? this.#requestId;
  }

  /** So much more of the answer's body has come. */
  answered(bytes: number): void {
    this.#bytes += bytes;
  }

  /** `status`: what the client got, 0 for nothing. */
  end(release: string, column: LedgerColumn, status: number): void {
    const now = performance.now();
    const { method, target, forward: fields } = this.#head;
    this.#log.write({
      client: this.#address,
      method,
      target,
      fields,
      status,
      bytes: this.#bytes,
      ms: now - this.#client.requestBeganAt,
      upstreamMs: this.#sentAt === null ? null : now - this.#sentAt,
      release,
      instance: this.#instance,
      column,
      retries: Math.max(0, this.#retries),
      requestId: this.#requestId,
    });
  }
}
