import { expectedRate, type MeasuredBackfill } from "../backfill/measured-rate.ts";
import type { Catalog, Table } from "../catalog.ts";
import type { Action } from "../plan/action.ts";

/** How long it may take: a plan wants to tell seconds from hours. */
export interface Estimate {
  readonly seconds: number;
  /** What it was computed from. */
  readonly basis: string;
}

/** What of an action its time depends on. */
type Sized = Pick<Action, "table" | "work" | "run">;

/** On a small machine with a cold cache, in a second. */
const SCAN_MB = 200;
const INDEX_ROWS = 400_000;
const REWRITE_MB = 80;
/** An index entry while it is sorted, in bytes. */
const ENTRY_BYTES = 40;
const PAGE_MB = 8_192 / 1_048_576;

/** Null: it does not depend on the size, or the size is not known. `measured`: backfills of this database, newest first. */
export function estimate(action: Sized, catalog: Catalog, measured: readonly MeasuredBackfill[]): Estimate | null {
  const table = catalog.tables.find(({ schema, name }) => `${schema}.${name}` === action.table);
  if (action.work === "instant" || table === undefined || table.rows < 0) return null;
  const [size, amount, rate, note] = costOf(action, table, { catalog, measured });
  return {
    seconds: Math.ceil(amount / rate),
    basis: `${size} of ${action.table ?? ""} at ${rate.toLocaleString("en-US")} ${note}`,
  };
}

interface Known {
  readonly catalog: Catalog;
  readonly measured: readonly MeasuredBackfill[];
}

type Cost = [size: string, amount: number, rate: number, note: string];

function costOf(action: Sized, table: Table, { catalog, measured }: Known): Cost {
  const megabytes = Math.round(table.pages * PAGE_MB);
  const rows = Math.round(table.rows * shareToDo(action, table));
  const sized = `${rows.toLocaleString("en-US")} rows (${megabytes.toLocaleString("en-US")} MB)`;
  switch (action.work) {
    case "scan":
      return [sized, megabytes, SCAN_MB, "MB/s"];
    case "rewrite":
      return [sized, megabytes, REWRITE_MB, "MB/s"];
    case "index build": {
      const fits = table.rows * ENTRY_BYTES < catalog.maintenanceWorkMemKb * 1024;
      const memory = `maintenance_work_mem ${String(Math.round(catalog.maintenanceWorkMemKb / 1024))} MB`;
      return [
        sized,
        rows,
        fits ? INDEX_ROWS : INDEX_ROWS / 2,
        `rows/s (${memory}: ${fits ? "sorted in memory" : "sorted on disk"})`,
      ];
    }
    default: {
      const { perSecond, basis } = expectedRate(table, measured, catalog.tables);
      return [sized, rows, perSecond, `rows/s in batches (${basis})`];
    }
  }
}

/** Of a column that is there already, only its nulls are filled. */
function shareToDo({ run }: Sized, table: Table): number {
  if (run.kind !== "backfill") return 1;
  const column = /^"?([\w$]+)"? IS NULL/.exec(run.backfill.where)?.[1];
  return table.columns.find(({ name }) => name === column)?.nullFraction ?? 1;
}
