import { Agent, request } from "node:http";

/** An answer, by when it was due to be asked for. */
export interface Answered {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly ms: number;
}

const PRODUCT = "Tea";

/** The same clock on all threads, finer than `Date.now()`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Users who come whether or not the shop keeps up: so many requests a second, each timed from the moment it was due. */
export class OpenLoop {
  readonly answers: Answered[] = [];
  failed = 0;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #startedAt = now();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;
  #turn = 0;
  #stopped = false;

  constructor(url: string, rate: number) {
    this.#url = url;
    this.#everyMs = 1_000 / rate;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#agent.destroy();
  }

  #next(): void {
    const due = (): number => this.#startedAt + this.#turn * this.#everyMs;
    for (; due() <= now(); this.#turn++) this.#ask(this.#turn, due());
    this.#timer = setTimeout(() => {
      this.#next();
    }, 1);
  }

  /** One order, one look at it, and two looks at the products, in turn. */
  #ask(turn: number, due: number): void {
    const id = `o${String(turn - (turn % 4))}`;
    const body = turn % 4 === 0 ? JSON.stringify({ id, product: PRODUCT, quantity: 1 }) : null;
    const path = turn % 4 === 0 ? "/api/orders" : turn % 4 === 2 ? `/api/orders/${id}` : "/api/products";
    const sent = request(`${this.#url}${path}`, {
      method: body === null ? "GET" : "POST",
      agent: this.#agent,
      headers:
        body === null
          ? {}
          : {
              "content-type": "application/json",
              "content-length": Buffer.byteLength(body),
            },
    });
    sent.on("response", (answer) => {
      if ((answer.statusCode ?? 500) >= 500) this.failed++;
      answer.resume().on("end", () => this.answers.push({ at: due, ms: now() - due }));
    });
    sent.on("error", () => {
      if (!this.#stopped) this.failed++;
    });
    sent.end(body ?? undefined);
  }
}
