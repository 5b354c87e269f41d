import { HitlessError } from "../../base/error.ts";
import type { RouteTable } from "../../core/routes.ts";

/** An identical table is acknowledged again: the daemon may not have heard the first answer. */
export function throwIfOlder(known: RouteTable, table: RouteTable): void {
  const newer = table.epoch > known.epoch || (table.epoch === known.epoch && table.revision > known.revision);
  if (newer || JSON.stringify(known) === JSON.stringify(table)) return;
  throw staleTable(known, table.epoch, table.revision);
}

export function staleTable(known: RouteTable, epoch: number, revision?: number): HitlessError {
  return new HitlessError({
    code: "ERR_STALE_EPOCH",
    what: `The proxy has a newer route table of ${known.app}.`,
    why: `It has epoch ${String(known.epoch)}, revision ${String(known.revision)}; it was sent epoch ${String(epoch)}${revision === undefined ? "" : `, revision ${String(revision)}`}.`,
  });
}
