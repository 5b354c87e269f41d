import pg from "pg";

/** What one client did and saw. */
export interface ClientReport {
  readonly statements: number;
  readonly errors: readonly string[];
}

export type Turn = (run: (sql: string, values?: readonly unknown[]) => Promise<pg.QueryResult>, turn: number) => Promise<void>;

/** An application that never stops: one connection, one turn after the other. */
export class BusyClient {
  readonly #client: pg.Client;
  readonly #turn: Turn;
  readonly #errors: string[] = [];
  #statements = 0;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  #turns = 0;
  #waiting: (() => void)[] = [];

  private constructor(client: pg.Client, turn: Turn) {
    this.#client = client;
    this.#turn = turn;
  }

  static async start(url: string, turn: Turn): Promise<BusyClient> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    client.on("error", () => undefined);
    const busy = new BusyClient(client, turn);
    busy.#running = busy.#run();
    return busy;
  }

  /** Resolves after so many further turns. */
  async turns(count: number): Promise<void> {
    const until = this.#turns + count;
    while (this.#turns < until && !this.#stopping) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async stop(): Promise<ClientReport> {
    this.#stopping = true;
    await this.#running;
    await this.#client.end().catch(() => undefined);
    return { statements: this.#statements, errors: this.#errors };
  }

  async #run(): Promise<void> {
    for (; !this.#stopping; this.#turns++) {
      try {
        await this.#turn((sql, values) => this.#query(sql, values), this.#turns);
      } catch (error) {
        this.#errors.push(error instanceof Error ? error.message : String(error));
        if (this.#errors.length > 20) this.#stopping = true;
      }
      for (const tell of this.#waiting.splice(0)) tell();
    }
    for (const tell of this.#waiting.splice(0)) tell();
  }

  async #query(sql: string, values?: readonly unknown[]): Promise<pg.QueryResult> {
    this.#statements++;
    try {
      return await this.#client.query(sql, values === undefined ? undefined : [...values]);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)} in: ${sql}`, { cause: error });
    }
  }
}
