import pg from "pg";

/** Any number, the same in all instances. */
const PREPARE_LOCK = 727_001;
const CONNECTIONS = 5;
const HEALTH_MS = 1_500;

export class Database {
  #pool;

  constructor(url) {
    this.#pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: 5_000 });
    // An idle connection that the server ends is replaced by the next query; unheard, the event would end the process.
    this.#pool.on("error", (error) => console.error(`A database connection was lost: ${error.message}`));
  }

  /** CREATE TABLE IF NOT EXISTS alone fails when several instances run it at once, so they take turns. */
  async prepare() {
    await this.#pool.query(`
      BEGIN;
      SELECT pg_advisory_xact_lock(${PREPARE_LOCK});
      CREATE TABLE IF NOT EXISTS orders (
        entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL,
        product text NOT NULL,
        quantity integer NOT NULL,
        instance text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX IF NOT EXISTS orders_id ON orders (id);
      COMMIT;`);
  }

  async healthy() {
    await this.#pool.query({ text: "SELECT 1", query_timeout: HEALTH_MS });
  }

  /** One row for each time this runs: a request that was executed twice can be seen. */
  async addOrder({ id, product, quantity }, instance) {
    await this.#pool.query({
      name: "add-order",
      text: "INSERT INTO orders (id, product, quantity, instance) VALUES ($1, $2, $3, $4)",
      values: [id, product, quantity, instance],
    });
  }

  /** The order with the number of its rows, or null. */
  async order(id) {
    const { rows } = await this.#pool.query({
      name: "order",
      text: `SELECT id, product, quantity, instance, created_at AS "createdAt", (count(*) OVER ())::int AS entries
             FROM orders WHERE id = $1 ORDER BY entry LIMIT 1`,
      values: [id],
    });
    return rows[0] ?? null;
  }

  /** How many orders there are, and in how many rows; the two differ when an order was executed twice. */
  async count() {
    const { rows } = await this.#pool.query("SELECT count(DISTINCT id)::int AS orders, count(*)::int AS entries FROM orders");
    return rows[0];
  }

  async close() {
    await this.#pool.end();
  }
}
