import { randomUUID } from "node:crypto";
import { Connection, type Address, type Outcome } from "./connection.ts";
import type { ClientKind, Tally } from "./tally.ts";

export interface ClientOptions {
  readonly address: Address;
  readonly paths: readonly string[];
  readonly postPath: string;
  /** After each POST, what it has stored is read under its id, and compared. */
  readonly readBack: boolean;
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
  /** What this client has stored, and has not looked at yet. */
  #stored: string | null = null;

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
    if (this.#stored !== null) this.#read(connection, this.#stored);
    else if (this.kind === "post") this.#post(connection);
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
    const body = JSON.stringify({ id, product: "tea", quantity: (made % 9) + 1 });
    const head = `POST ${this.#options.postPath} HTTP/1.1\r\nHost: ${this.#authority}\r\nContent-Type: application/json\r\n`;
    connection.send(`${head}Content-Length: ${String(body.length)}\r\n\r\n${body}`, true, (outcome) => {
      this.#ended(outcome, () => this.#acknowledged(outcome, id));
    });
  }

  #read(connection: Connection, id: string): void {
    this.#stored = null;
    connection.send(`GET ${this.#options.postPath}/${id} HTTP/1.1\r\nHost: ${this.#authority}\r\n\r\n`, true, (outcome) => {
      this.#ended(outcome, () => this.#compared(outcome, id));
    });
  }

  /** The body of a 201 that names another order is the answer to somebody else. */
  #acknowledged(outcome: Outcome, id: string): string | null {
    if (!("status" in outcome) || outcome.status !== 201) return null;
    if (outcome.body !== "" && !outcome.body.includes(id)) return "wrong-answer";
    this.#options.tally.answers.set(id, outcome.body);
    if (this.#options.readBack) this.#stored = id;
    return null;
  }

  #compared(outcome: Outcome, id: string): string | null {
    const { tally } = this.#options;
    if (!("status" in outcome) || outcome.status >= 400) return null;
    if (!agree(outcome.body, tally.answers.get(id) ?? "")) return "wrong-value";
    tally.readAgain();
    return null;
  }

  /** `wrong` says what is wrong with an answer that came. */
  #ended(outcome: Outcome, wrong: () => string | null = () => null): void {
    const { tally, idle } = this.#options;
    const ms = performance.now() - (this.#begunAt ?? 0);
    this.#begunAt = null;
    if (this.kind === "fresh") this.close();
    const failure = "failure" in outcome ? outcome.failure : wrong();
    if (failure !== null) tally.failed(this.kind, failure);
    else if ("status" in outcome) tally.answered(this.kind, outcome.status, ms);
    idle(this);
  }
}

/** Whether two JSON objects say the same wherever both say something. */
function agree(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>);
  return Object.entries(a ?? {}).every(([key, value]) => b?.[key] === undefined || b[key] === value);
}
