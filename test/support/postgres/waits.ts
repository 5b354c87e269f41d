import pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";

/** How far the looks are apart, at least, in milliseconds. */
const TICK_MS = 25;
/** The bound of issue 5: so long may a client's statement wait because of Hitless. */
export const PATIENCE_MS = 250;

/** One more look at who waits for a lock that Hitless holds, or that it stands in line for before them. */
const LOOK = `SELECT w.pid || ' ' || l.waitstart AS wait, w.query
  FROM pg_locks l JOIN pg_stat_activity w ON w.pid = l.pid
  WHERE NOT l.granted AND l.waitstart IS NOT NULL AND w.datname = current_database() AND w.application_name <> 'hitless'
    AND EXISTS (SELECT FROM pg_stat_activity us WHERE us.pid = ANY (pg_blocking_pids(l.pid)) AND us.application_name = 'hitless')`;

/**
 * Watches, as the server sees it, how long clients wait on our account. Time is counted in looks, never by the clock: on a machine that is busy
 * with other things the watcher is as slow as everybody else, so that what is counted is at most the wait.
 */
export class WaitWatch {
  readonly #client: pg.Client;
  readonly #looks = new Map<string, { looks: number; readonly query: string }>();
  #stopping = false;
  #done = 0;
  #running: Promise<void> = Promise.resolve();

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async start(url: string): Promise<WaitWatch> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const watch = new WaitWatch(client);
    watch.#running = watch.#run();
    return watch;
  }

  /** Resolves after so many further looks. */
  async looks(count: number): Promise<void> {
    for (const until = this.#done + count; this.#done < until;) await sleep(TICK_MS);
  }

  /** The statements that waited longer than they may, each with the milliseconds that were seen. */
  async stop(): Promise<readonly string[]> {
    this.#stopping = true;
    await this.#running;
    await this.#client.end();
    return [...this.#looks.values()]
      .map(({ looks, query }) => ({ ms: (looks - 1) * TICK_MS, query }))
      .filter(({ ms }) => ms > PATIENCE_MS)
      .map(({ ms, query }) => `${String(ms)} ms: ${query}`);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const { rows } = await this.#client.query<{ wait: string; query: string }>(LOOK);
      for (const { wait, query } of rows) {
        const seen = this.#looks.get(wait);
        if (seen === undefined) this.#looks.set(wait, { looks: 1, query });
        else seen.looks++;
      }
      this.#done++;
      await sleep(TICK_MS);
    }
  }
}
