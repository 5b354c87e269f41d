import pg from "pg";
import { HitlessError } from "../../base/error.ts";
import { URL_ADVICE, urlProblem } from "../../database/database-url.ts";
import type { Queryable } from "./queryable.ts";

const CONNECT_MS = 10_000;
const NAME = "hitless";

/** One connection to the application's database under Hitless' name. */
export class Connection implements Queryable {
  readonly #client: pg.Client;
  #lost: Error | null = null;

  constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", (error) => {
      this.#lost = error;
    });
  }

  get lost(): Error | null {
    return this.#lost;
  }

  /** Several statements may stand in one text without values. */
  async query<T = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<readonly T[]> {
    const result = await this.#client.query(values === undefined ? { text: sql } : { text: sql, values: [...values] });
    const last = Array.isArray(result) ? (result as readonly pg.QueryResult[]).at(-1) : result;
    return (last?.rows ?? []) as readonly T[];
  }

  /** Rows changed by each statement of the text. */
  async counts(sql: string): Promise<readonly number[]> {
    const result: unknown = await this.#client.query({ text: sql });
    const all = (Array.isArray(result) ? result : [result]) as readonly pg.QueryResult[];
    return all.map(({ rowCount }) => rowCount ?? 0);
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** @throws ERR_DATABASE_URL, ERR_DATABASE_UNREACHABLE */
export async function connect(url: string): Promise<Connection> {
  const problem = urlProblem(url);
  if (problem !== null) throw noUrl(problem);
  try {
    const client = new pg.Client({
      connectionString: url,
      application_name: NAME,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    });
    const connection = new Connection(client);
    await client.connect();
    // Everything that Hitless writes is qualified; what people write is read in UTC, so that a plan says the same everywhere.
    await connection.query(
      "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning",
    );
    return connection;
  } catch (error) {
    throw new HitlessError(
      {
        code: "ERR_DATABASE_UNREACHABLE",
        what: `The database at ${withoutPassword(url)} cannot be reached.`,
        why: messageOf(error),
        next: "Check DATABASE_URL, and that the server runs and lets this role in. Nothing was changed.",
      },
      { cause: error },
    );
  }
}

function noUrl(problem: string): HitlessError {
  return new HitlessError({
    code: "ERR_DATABASE_URL",
    what: "What should be the URL of the database is none.",
    why: problem,
    next: `${URL_ADVICE} It stands in DATABASE_URL, or where \`database\` in the configuration says. Nothing was changed.`,
  });
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** For people's eyes: never a password. */
export function withoutPassword(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return "(not a URL)";
  }
}
