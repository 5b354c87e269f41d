import { randomUUID } from "node:crypto";
import { Connection, type Address, type Outcome } from "./connection.ts";
import type { ClientKind, Tally } from "./tally.ts";

export interface ClientOptions {
  readonly address: Address;
  readonly paths: readonly string[];
  readonly postPath: string;
  readonly tally: Tally;
  readonly idle: (client: Client) => void;
}

const RUN = randomUUID().slice(0, 8);
let made = 0;

/** One user: at most one request at a time, never a second try. */
export class Client {
  readonly kind: ClientKind;
  readonly #options: ClientOptions;
  readonly #authority: string;
  readonly #requests: readonly string[];
  #turn: number;
  #connection: Connection | null = null;
  #begunAt: number | null = null;

  constructor(kind: ClientKind, turn: number, options: ClientOptions) {
    this.kind = kind;
    this.#options = options;
    this.#turn = turn;
    const { host, port } = options.address;
    this.#authority = `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
    const close = kind === "fresh" ? "Connection: close\r\n" : "";
    this.#requests = options.paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${this.#authority}\r\n${close}\r\n`);
  }

  get busy(): boolean {
    return this.#begunAt !== null;
  }

  begin(now: number): void {
    this.#begunAt = now;
    this.#options.tally.begin(this.kind);
    const connection = this.#dialled();
    if (this.kind === "post") this.#post(connection);
    else {
      const request = this.#requests[this.#turn++ % this.#requests.length] ?? "";
      connection.send(request, false, (outcome) => {
        this.#ended(outcome);
      });
    }
  }

  /** Gives up a request that was begun before. */
  giveUp(begunBefore: number): void {
    if (this.#begunAt === null || this.#begunAt >= begunBefore) return;
    this.#begunAt = null;
    this.close();
    this.#options.tally.timedOut(this.kind);
    this.#options.idle(this);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  /** A connection that the server has closed while it was idle is legal and costs nothing: as a browser does, dial again. */
  #dialled(): Connection {
    if (this.#connection?.usable === true) return this.#connection;
    this.#connection?.close();
    this.#connection = new Connection(this.#options.address, () => {
      this.#options.tally.stray();
    });
    return this.#connection;
  }

  #post(connection: Connection): void {
    const id = `${RUN}-${String(++made)}`;
    const body = JSON.stringify({ id, product: "tea", quantity: 1 });
    const head = `POST ${this.#options.postPath} HTTP/1.1\r\nHost: ${this.#authority}\r\nContent-Type: application/json\r\n`;
    connection.send(`${head}Content-Length: ${String(body.length)}\r\n\r\n${body}`, true, (outcome) => {
      this.#ended(outcome, id);
    });
  }

  #ended(outcome: Outcome, id?: string): void {
    const { tally, idle } = this.#options;
    const ms = performance.now() - (this.#begunAt ?? 0);
    this.#begunAt = null;
    if (this.kind === "fresh") this.close();
    if ("failure" in outcome) tally.failed(this.kind, outcome.failure);
    // The body of a 201 that names another order is the answer to somebody else.
    else if (id !== undefined && outcome.status === 201 && outcome.body !== "" && !outcome.body.includes(id))
      tally.failed(this.kind, "wrong-answer");
    else {
      if (id !== undefined && outcome.status === 201) tally.postedIds.push(id);
      tally.answered(this.kind, outcome.status, ms);
    }
    idle(this);
  }
}
