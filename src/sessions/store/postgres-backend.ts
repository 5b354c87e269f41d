import type { Backend } from "./backend.ts";

const SWEEP_MS = 60_000;
/** Deleted at a time: no long transaction, and no lock that somebody notices. */
const SWEEP_ROWS = 1_000;
/** Any number: several instances must not create the table at the same moment. */
const LOCK = 7_262_143;

const SQL = {
  // A transaction of its own by pg's simple protocol. UNLOGGED would be faster, and empty after a crash.
  create: `
    BEGIN;
    SELECT pg_advisory_xact_lock(${LOCK});
    CREATE TABLE IF NOT EXISTS hitless_sessions (id text PRIMARY KEY, data text NOT NULL, expires_at timestamptz NOT NULL);
    CREATE INDEX IF NOT EXISTS hitless_sessions_expires_at ON hitless_sessions (expires_at);
    COMMIT`,
  present: "SELECT to_regclass('hitless_sessions') IS NOT NULL AS present",
  get: "SELECT data FROM hitless_sessions WHERE id = $1 AND expires_at > now()",
  set: `INSERT INTO hitless_sessions (id, data, expires_at) VALUES ($1, $2, now() + $3 * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
  // One that has expired and was not swept yet is not there.
  add: `INSERT INTO hitless_sessions (id, data, expires_at)
    VALUES ($1, $2, coalesce(now() + $3::float8 * interval '1 millisecond', 'infinity'))
    ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at WHERE hitless_sessions.expires_at <= now()`,
  touch: "UPDATE hitless_sessions SET expires_at = now() + $2 * interval '1 millisecond' WHERE id = $1 AND expires_at > now()",
  remove: "DELETE FROM hitless_sessions WHERE id = $1",
  ids: "SELECT id FROM hitless_sessions WHERE starts_with(id, $1) AND expires_at > now()",
  read: `SELECT id, data, ceil(extract(epoch FROM expires_at - now()) * 1000)::float8 AS ttl FROM hitless_sessions
    WHERE id = ANY($1) AND expires_at > now()`,
  size: "SELECT pg_total_relation_size('hitless_sessions')::float8 AS bytes",
  clear: "DELETE FROM hitless_sessions WHERE starts_with(id, $1)",
  sweep: `DELETE FROM hitless_sessions WHERE id IN
    (SELECT id FROM hitless_sessions WHERE expires_at <= now() LIMIT ${SWEEP_ROWS} FOR UPDATE SKIP LOCKED)`,
} as const;

/** Sessions in a table of PostgreSQL, which is created where it is missing; by the package `pg`. */
export async function postgresBackend(url: string, prefix: string, onError: (error: unknown) => void): Promise<Backend> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", onError);
  try {
    // Asked first: a role that may not create tables can use one that is there.
    const { rows } = await pool.query<{ present: boolean }>(SQL.present);
    if (rows[0]?.present !== true) await pool.query(SQL.create);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const sweeping = setInterval(() => {
    pool.query(SQL.sweep).catch(onError);
  }, SWEEP_MS);
  sweeping.unref();
  return {
    get: async (id) => (await pool.query<{ data: string }>(SQL.get, [prefix + id])).rows[0]?.data ?? null,
    set: async (id, text, ttlMs) => {
      await pool.query(SQL.set, [prefix + id, text, ttlMs]);
    },
    add: async (id, text, ttlMs) => {
      await pool.query(SQL.add, [prefix + id, text, ttlMs]);
    },
    touch: async (id, ttlMs) => {
      await pool.query(SQL.touch, [prefix + id, ttlMs]);
    },
    remove: async (id) => {
      await pool.query(SQL.remove, [prefix + id]);
    },
    ids: async () => (await pool.query<{ id: string }>(SQL.ids, [prefix])).rows.map(({ id }) => id.slice(prefix.length)),
    read: async (ids) => {
      const { rows } = await pool.query<{ id: string; data: string; ttl: number }>(SQL.read, [ids.map((id) => prefix + id)]);
      return rows.map(({ id, data, ttl }) => ({ id: id.slice(prefix.length), text: data, ttlMs: ttl }));
    },
    figures: async () => {
      const { rows } = await pool.query<{ bytes: number }>(SQL.size);
      return { memoryBytes: rows[0]?.bytes ?? null, commands: null };
    },
    clear: async () => {
      await pool.query(SQL.clear, [prefix]);
    },
    close: async () => {
      clearInterval(sweeping);
      await pool.end();
    },
  };
}
