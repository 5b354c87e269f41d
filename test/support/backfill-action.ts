import type { Action, Backfill } from "../../src/database/plan/action.ts";

/** A backfill as the only step of a release. */
export function backfillAction(backfill: Backfill): Action {
  const run = { kind: "backfill", backfill } as const;
  return { id: "e1", phase: "expand", title: "fill", run, table: null, lock: null, work: "batches", undo: [], cause: null };
}
