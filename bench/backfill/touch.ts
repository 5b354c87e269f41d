import type pg from "pg";
import type { Shape } from "./shapes.ts";

const BATCH = 1_000;

/**
 * What other tools do: a mark on every row, a trigger on every write that computes the column and takes the mark away, and batches of a fixed
 * number of rows that only touch the row (`SET id = id`) so that the trigger does the work. A second trigger keeps the old column in step.
 */
export async function touchRows(client: pg.Client, { up }: Shape): Promise<void> {
  await client.query(`
    ALTER TABLE t ADD COLUMN needs_backfill boolean DEFAULT true;
    CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE id t.id%TYPE := NEW.id; name t.name%TYPE := NEW.name; path text;
      BEGIN
        SELECT current_setting INTO path FROM current_setting('search_path');
        IF path <> 'public_new' THEN NEW.filled = ${up}; NEW.needs_backfill = false; END IF;
        RETURN NEW;
      END $$;
    CREATE FUNCTION down() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE id t.id%TYPE := NEW.id; name t.name%TYPE := NEW.name; path text;
      BEGIN
        SELECT current_setting INTO path FROM current_setting('search_path');
        IF path = 'public_new' THEN NEW.name = NEW.filled; NEW.needs_backfill = false; END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER up BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION up();
    CREATE TRIGGER down BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION down()`);
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
