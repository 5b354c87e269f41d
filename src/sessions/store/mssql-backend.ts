import type * as Tedious from "tedious";
import { HitlessError } from "../../base/error.ts";
import type { Backend } from "./backend.ts";
import { MssqlPool } from "./mssql-pool.ts";
import { DELETE_ROWS, SQL } from "./mssql-sql.ts";
import { mssqlConfiguration } from "./mssql-url.ts";

const SWEEP_MS = 60_000;
/** 68 years: what DATEADD can add in seconds. */
const TTL_MAX_MS = 2_147_483_647_000;

/** Sessions in a table of SQL Server, which is created where it is missing; by the package `tedious`, which the application brings. */
export async function mssqlBackend(url: string, prefix: string, onError: (error: unknown) => void): Promise<Backend> {
  const configuration = mssqlConfiguration(url);
  const pool = new MssqlPool(await client(), configuration, onError);
  try {
    // Asked first: a login that may not create tables can use one that is there.
    const { rows } = await pool.query<{ present: number }>(SQL.present);
    if (rows[0]?.present !== 1) await pool.query(SQL.create);
  } catch (error) {
    pool.close();
    throw error;
  }
  const sweeping = setInterval(() => {
    pool.query(SQL.sweep).catch(onError);
  }, SWEEP_MS);
  sweeping.unref();
  const pattern = `${prefix.replace(/[\\%_[]/g, "\\$&")}%`;
  return {
    get: async (id) => (await pool.query<{ data: string }>(SQL.get, { id: prefix + id })).rows[0]?.data ?? null,
    set: async (id, text, ttlMs) => {
      await pool.query(SQL.set, { id: prefix + id, data: text, ttl: wholeMs(ttlMs) });
    },
    add: async (id, text, ttlMs) => {
      await pool.query(SQL.add, { id: prefix + id, data: text, ttl: wholeMs(ttlMs ?? TTL_MAX_MS) });
    },
    touch: async (id, ttlMs) => {
      await pool.query(SQL.touch, { id: prefix + id, ttl: wholeMs(ttlMs) });
    },
    remove: async (id) => {
      await pool.query(SQL.remove, { id: prefix + id });
    },
    ids: async () => (await pool.query<{ id: string }>(SQL.ids, { pattern })).rows.map(({ id }) => id.slice(prefix.length)),
    read: async (ids) => {
      const { rows } = await pool.query<{ id: string; data: string; ttl: number }>(SQL.read, {
        ids: JSON.stringify(ids.map((id) => prefix + id)),
      });
      return rows.map(({ id, data, ttl }) => ({ id: id.slice(prefix.length), text: data, ttlMs: ttl }));
    },
    figures: async () => {
      const { rows } = await pool.query<{ bytes: number | null }>(SQL.size);
      return { memoryBytes: rows[0]?.bytes ?? null, commands: null };
    },
    clear: async () => {
      let count: number;
      do ({ count } = await pool.query(SQL.clear, { pattern }));
      while (count >= DELETE_ROWS);
    },
    close: () => {
      clearInterval(sweeping);
      pool.close();
      return Promise.resolve();
    },
  };
}

async function client(): Promise<typeof Tedious> {
  try {
    return await import("tedious");
  } catch (cause) {
    throw new HitlessError(
      {
        code: "ERR_USAGE",
        what: "Sessions in SQL Server need the package tedious.",
        why: String(cause),
        next: "npm install tedious",
      },
      { cause },
    );
  }
}

function wholeMs(ttlMs: number): number {
  return Math.min(Math.ceil(ttlMs), TTL_MAX_MS);
}
