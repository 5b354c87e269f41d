import pg from "pg";

const CONNECTIONS = 5;
const HEALTH_MS = 1_500;

export class Database {
  #pool;

  constructor(url) {
    this.#pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: 5_000 });
    // An idle connection that the server ends is replaced by the next query; unheard, the event would end the process.
    this.#pool.on("error", (error) => console.error(`A database connection was lost: ${error.message}`));
  }

  async healthy() {
    await this.#pool.query({ text: "SELECT 1", query_timeout: HEALTH_MS });
  }

  async addOrder({ id, product, quantity, cents }, instance) {
    await this.#pool.query({
      name: "create-order",
      text: "SELECT create_order($1, $2, $3, $4, $5)",
      values: [id, product, quantity, cents, instance],
    });
  }

  /** The order with the number of its rows, or null. */
  async order(id) {
    const { rows } = await this.#pool.query({
      name: "order",
      text: `SELECT id, product, quantity, cents, gift, instance, created_at AS "createdAt", (count(*) OVER ())::int AS entries
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
