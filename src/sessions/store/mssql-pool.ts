import type * as Tedious from "tedious";
import type { Connection, ConnectionConfiguration } from "tedious";

/** A connection serves one statement at a time. */
const CONNECTIONS = 10;
/** Tries of a statement whose connection breaks, or that SQL Server gave up for another one. Each is safe to repeat. */
const TRIES = 3;
const DEADLOCK_VICTIM = 1205;

/** Values by the names of the parameters; numbers are sent as bigint. */
export type Parameters = Readonly<Record<string, string | number>>;
export interface Answer<Row> {
  readonly rows: readonly Row[];
  /** Rows that were returned or changed. */
  readonly count: number;
}
/** `again`: another try may go well. */
type Outcome<Row> = { readonly answer: Answer<Row> } | { readonly error: unknown; readonly again: boolean };
type Columns = Readonly<Record<string, { readonly value: unknown }>>;

/** Connections to SQL Server, opened as they are needed, and kept. */
export class MssqlPool {
  readonly #tedious: typeof Tedious;
  readonly #configuration: ConnectionConfiguration;
  readonly #onError: (error: unknown) => void;
  readonly #idle: Connection[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #closed = false;

  constructor(tedious: typeof Tedious, configuration: ConnectionConfiguration, onError: (error: unknown) => void) {
    this.#tedious = tedious;
    this.#configuration = configuration;
    this.#onError = onError;
  }

  /** @throws what the client or SQL Server says */
  async query<Row>(sql: string, parameters: Parameters = {}): Promise<Answer<Row>> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#inTurn(() => this.#once<Row>(sql, parameters));
      if ("answer" in outcome) return outcome.answer;
      if (!outcome.again || tries === TRIES) throw outcome.error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** At most so many at a time. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy === CONNECTIONS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy += 1;
    try {
      return await work();
    } finally {
      // Whoever waits takes this place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }

  async #once<Row>(sql: string, parameters: Parameters): Promise<Outcome<Row>> {
    const connection = this.#idle.pop() ?? (await this.#connect());
    try {
      const answer = await this.#run<Row>(connection, sql, parameters);
      this.#keep(connection);
      return { answer };
    } catch (error) {
      if (!(error instanceof this.#tedious.RequestError)) {
        // The connection broke, and the others are most likely no better.
        for (const broken of [connection, ...this.#idle.splice(0)]) broken.close();
        return { error, again: true };
      }
      this.#keep(connection);
      return { error, again: error.number === DEADLOCK_VICTIM };
    }
  }

  #keep(connection: Connection): void {
    if (this.#closed) connection.close();
    else if (!connection.closed) this.#idle.push(connection);
  }

  #connect(): Promise<Connection> {
    const connection = new this.#tedious.Connection(this.#configuration);
    connection.on("error", this.#onError);
    connection.on("end", () => {
      const at = this.#idle.indexOf(connection);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    return new Promise((resolve, reject) => {
      connection.connect((error) => {
        if (error === undefined) resolve(connection);
        else reject(error);
      });
    });
  }

  #run<Row>(connection: Connection, sql: string, parameters: Parameters): Promise<Answer<Row>> {
    const { Request, TYPES } = this.#tedious;
    return new Promise((resolve, reject) => {
      const request = new Request(sql, (error: Error | null | undefined, count?: number, rows?: readonly Columns[]) => {
        if (error !== undefined && error !== null) reject(error);
        else resolve({ count: count ?? 0, rows: (rows ?? []).map((row) => plainRow(row) as Row) });
      });
      for (const [name, value] of Object.entries(parameters))
        request.addParameter(name, typeof value === "number" ? TYPES.BigInt : TYPES.NVarChar, value);
      connection.execSql(request);
    });
  }
}

function plainRow(row: Columns): unknown {
  return Object.fromEntries(Object.entries(row).map(([name, { value }]) => [name, value]));
}
