import type { OldOrders, StoredOrder } from "./checks.ts";
import type { DemoPostgres } from "./postgres.ts";

/** The orders of the shop before this one, with product names as people had typed them. */
export async function takeOver(database: DemoPostgres, count: number): Promise<void> {
  await database.query(
    `INSERT INTO orders (id, product, quantity, cents, instance)
     SELECT 'old-' || n, CASE n % 2 WHEN 0 THEN ' Tea ' ELSE 'Tea' END, 1, 100 + n % 900, 'old' FROM generate_series(1, ${String(count)}) n`,
  );
  await database.query("ANALYZE orders");
}

/** What they are in the end, as the last release sees them. */
export async function takenOver(database: DemoPostgres): Promise<Omit<OldOrders, "wanted">> {
  const [row] = await database.query<Omit<OldOrders, "wanted">>(
    `SELECT count(*)::int AS stored, count(*) FILTER (WHERE product <> 'Tea' OR channel <> 'web' OR cents NOT BETWEEN 100 AND 999)::int AS wrong
     FROM public.orders WHERE id LIKE 'old-%'`,
  );
  return row ?? { stored: 0, wrong: 0 };
}

/** What the clients ordered, as the last release stores it. */
export function storedOrders(database: DemoPostgres): Promise<readonly StoredOrder[]> {
  return database.query<StoredOrder>(
    "SELECT id, product, quantity, cents::int AS cents, served_by AS instance, channel FROM public.orders WHERE id NOT LIKE 'old-%'",
  );
}

export async function columns(database: DemoPostgres): Promise<string> {
  const rows = await database.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = 'public.orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
  return `(${rows.map(({ name, type }) => `${name} ${type}`).join(", ")})`;
}
