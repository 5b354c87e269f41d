import type pg from "pg";
import type { Shape } from "./shapes.ts";

const BATCH = 1_000;

interface Touched {
  /** All columns of the table: the triggers copy each of them. */
  readonly columns: readonly string[];
  /** The value of `filled`. */
  readonly up: string;
  /** The old column, which is kept in step with it. */
  readonly source: string;
}

/** The triggers of other tools: for every write, whatever it changes, in both directions, with a mark for what has been computed. */
export function touchTriggers({ columns, up, source }: Touched): string {
  const declared = columns.map((name) => `${name} t.${name}%TYPE := NEW.${name};`).join(" ");
  const routine = (name: string, condition: string, set: string): string => `
    CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE ${declared} path text;
      BEGIN
        SELECT current_setting INTO path FROM current_setting('search_path');
        IF path ${condition} 'public_new' THEN ${set}; NEW.needs_backfill = false; END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER ${name} BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION ${name}();`;
  return `ALTER TABLE t ADD COLUMN needs_backfill boolean DEFAULT true;
    ${routine("up", "<>", `NEW.filled = ${up}`)} ${routine("down", "=", `NEW.${source} = NEW.filled`)}`;
}

/**
 * What other tools do: a mark on every row, a trigger on every write that computes the column and takes the mark away, and batches of a fixed
 * number of rows that only touch the row (`SET id = id`) so that the trigger does the work. A second trigger keeps the old column in step.
 */
export async function touchRows(client: pg.Client, { columns, up }: Shape): Promise<void> {
  await client.query(touchTriggers({ columns, up, source: "name" }));
  for (let last: string | null = null; ;) {
    const { rows }: pg.QueryResult<{ last: string | null }> = await client.query(`
      WITH batch AS (
        SELECT id FROM t WHERE ${last === null ? "" : `id > ${last} AND `}needs_backfill ORDER BY id LIMIT ${String(BATCH)} FOR NO KEY UPDATE),
      touched AS (UPDATE t SET id = t.id FROM batch WHERE t.id = batch.id RETURNING t.id)
      SELECT max(id)::text AS last FROM touched`);
    last = rows[0]?.last ?? null;
    if (last === null) return;
  }
}
