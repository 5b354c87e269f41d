import type { Queryable } from "./queryable.ts";

const MOST = 2_000;

/** What clients have sent to the database, most often first, where pg_stat_statements is installed and may be read; else nothing. */
export async function readStatements(database: Queryable): Promise<readonly string[]> {
  const [extension] = await database.query<{ view: string }>(
    `SELECT quote_ident(n.nspname) || '.pg_stat_statements' AS view FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined) return [];
  try {
    const rows = await database.query<{ query: string }>(
      `SELECT query FROM ${extension.view} s JOIN pg_database d ON d.oid = s.dbid
       WHERE d.datname = current_database() AND s.toplevel AND s.query <> '<insufficient privilege>'
       GROUP BY query ORDER BY sum(s.calls) DESC LIMIT ${String(MOST)}`,
    );
    return rows.map(({ query }) => query);
  } catch {
    // Not in shared_preload_libraries, or not for this role: then the proof has the files of queries alone, and says how many it judged.
    return [];
  }
}
