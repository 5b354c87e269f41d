import type { Reading } from "../../database/backfill/pace-law.ts";
import { literal } from "../../database/names.ts";
import { connect, type Connection } from "./connection.ts";

/** A replica that is further behind shows users what is no longer so. */
const LAG_MS = 2_000;
/** Of the connections that the server lets in. */
const CONNECTIONS = 0.9;
/** Of the log that may be written before a checkpoint is forced on everybody. */
const LOG = 0.9;
/** Dead rows are waited for only where they are many by any measure. */
const DEAD_SHARE = 0.3;
const DEAD_LEAST = 5_000_000;

interface Load {
  readonly waiters: number;
  readonly waiter: string | null;
  readonly lagMs: number | null;
  readonly hidden: boolean;
  readonly connections: number;
  readonly allowed: number;
  readonly logBytes: number | null;
  readonly logMost: number;
  readonly dead: number;
  readonly live: number;
  readonly vacuums: boolean;
}

/** A connection that only looks, and never for long; a new one where it was lost. */
export class LoadReader {
  readonly #url: string;
  #connection: Promise<Connection> | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  /** What the server says of itself, by one query that locks nothing. */
  async readings(table: string): Promise<readonly Reading[]> {
    const connection = await this.#connected();
    const [load] = await connection.query<Load>(`EXECUTE hitless_load(${literal(table)})`);
    if (load === undefined) throw new Error("the server gave no answer");
    return [waiters(load), replicas(load), connections(load), log(load), deadRows(load)];
  }

  async number(sql: string): Promise<number> {
    const connection = await this.#connected();
    const [row] = await connection.query(sql);
    const value = Number(Object.values(row ?? {})[0] ?? NaN);
    if (Number.isNaN(value)) throw new Error("it gives no number");
    return value;
  }

  async close(): Promise<void> {
    await this.#connection?.then((connection) => connection.close()).catch(() => undefined);
  }

  async #connected(): Promise<Connection> {
    const known = await this.#connection?.catch(() => null);
    if (known?.lost === null) return known;
    this.#connection = connect(this.#url).then(async (connection) => {
      await connection.query("SET statement_timeout = 2000; SET default_transaction_read_only = on");
      // Planned once: planning it takes the server eight times as long as answering it, which users would feel.
      await connection.query(`SET plan_cache_mode = force_generic_plan; PREPARE hitless_load(text) AS ${LOAD}`);
      return connection;
    });
    return this.#connection;
  }
}

/** The table is its value. */
const LOAD = `WITH own AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE application_name = 'hitless' AND datname = current_database()),
     waiting AS (SELECT l.pid FROM pg_locks l WHERE NOT l.granted AND l.pid NOT IN (SELECT pid FROM own)
       AND pg_blocking_pids(l.pid) && ARRAY(SELECT pid FROM own)),
     rows AS (SELECT sum(n_dead_tup) AS dead, sum(n_live_tup) AS live FROM pg_stat_user_tables
       WHERE relid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)) UNION SELECT to_regclass($1)))
     SELECT (SELECT count(*) FROM waiting)::int AS waiters,
       (SELECT left(a.query, 80) FROM waiting w JOIN pg_stat_activity a ON a.pid = w.pid LIMIT 1) AS waiter,
       (SELECT max(extract(epoch FROM replay_lag) * 1000) FROM pg_stat_replication)::float8 AS "lagMs",
       (SELECT count(*) > 0 FROM pg_stat_replication WHERE state IS NULL) AS hidden,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS allowed,
       CASE WHEN has_function_privilege('pg_control_checkpoint()', 'EXECUTE')
         THEN pg_wal_lsn_diff(pg_current_wal_lsn(), (SELECT redo_lsn FROM pg_control_checkpoint()))::float8 END AS "logBytes",
       (pg_size_bytes(current_setting('max_wal_size')) / (1 + current_setting('checkpoint_completion_target')::float8))::float8 AS "logMost",
       COALESCE((SELECT dead FROM rows), 0)::float8 AS dead, COALESCE((SELECT live FROM rows), 0)::float8 AS live,
       current_setting('autovacuum') = 'on' AS vacuums`;

function waiters({ waiters: count, waiter }: Load): Reading {
  const text = `${String(count)} session${count === 1 ? " waits" : "s wait"} for a lock that the backfill holds: ${(waiter ?? "").replace(/\s+/g, " ")}`;
  return { name: "lock waiters", load: 0, text, yields: count > 0 };
}

function replicas({ lagMs, hidden }: Load): Reading {
  if (hidden) return { name: "replication lag", load: null, text: "GRANT pg_monitor to the role of DATABASE_URL" };
  return {
    name: "replication lag",
    load: (lagMs ?? 0) / LAG_MS,
    text: `a replica is ${((lagMs ?? 0) / 1_000).toFixed(1)} s behind`,
  };
}

function connections({ connections: used, allowed }: Load): Reading {
  return {
    name: "connections",
    load: used / (CONNECTIONS * allowed),
    text: `${String(used)} of ${String(allowed)} connections are in use`,
  };
}

function log({ logBytes, logMost }: Load): Reading {
  const share = (logBytes ?? 0) / logMost;
  return {
    name: "checkpoint",
    load: share / LOG,
    text: `${(share * 100).toFixed(0)} % of the log until a forced checkpoint are written`,
  };
}

function deadRows({ dead, live, vacuums }: Load): Reading {
  const most = Math.max(DEAD_LEAST, live * DEAD_SHARE);
  return {
    name: "dead rows",
    load: vacuums ? dead / most : 0,
    text: `${Math.round(dead).toLocaleString("en-US")} dead rows wait for autovacuum`,
  };
}
