import type { LedgerColumn } from "../../core/ledger.ts";
import type { AccessLog } from "./access-log.ts";

const REQUEST_ID = /\r\nX-Request-ID: ([^\r]*)/i;

interface TracedClient {
  readonly remoteAddress: string;
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
  readonly #client: TracedClient;
  readonly #head: TracedHead;
  #instance: string | null = null;
  #sentAt: number | null = null;
  #requestId: string | null;
  #retries = -1;
  #bytes = 0;

  constructor(log: AccessLog, client: TracedClient, head: TracedHead) {
    this.#log = log;
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

  /** `added`: the fields that the proxy adds to the request, with the id it has given it. */
  sent(added: string): void {
    this.#sentAt = performance.now();
    this.#requestId = REQUEST_ID.exec(added)?.[1] ?? this.#requestId;
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
      client: this.#client.remoteAddress,
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
