import { runBackfill } from "../../../src/engine/database/backfill.ts";
import type { BackfillOptions } from "../../../src/engine/database/backfill-options.ts";
import type { Backfill } from "../../../src/database/plan/action.ts";
import type { BackfillRecord } from "../../../src/ports/database.ts";
import { withRunner } from "./release.ts";

/** Runs a backfill as the step of a release, and marks it done if it is complete. */
export async function backfillIn(
  url: string,
  backfill: Backfill,
  { notes = [], ...options }: BackfillOptions & { readonly notes?: string[] } = {},
): Promise<BackfillRecord> {
  return withRunner(
    url,
    async (runner) => {
      const record = await runBackfill(runner, { release: 2, action: actionOf(backfill), backfill, from: null }, options);
      if (record.failed.length === 0)
        await runner.lease.step({ release: 2, action: "e1", sql: [], mark: "done", lockTimeoutMs: 100 });
      return record;
    },
    notes,
  );
}

function actionOf(backfill: Backfill) {
  return {
    id: "e1",
    phase: "expand" as const,
    title: "fill",
    run: { kind: "backfill" as const, backfill },
    table: "public.t",
    lock: "ROW EXCLUSIVE" as const,
    work: "batches" as const,
    undo: [],
    cause: null,
  };
}

/** Doubles `n` into `m`. */
export function doubling(key: readonly string[], more: Partial<Backfill> = {}): Backfill {
  return {
    table: "public.t",
    key,
    set: "m = n * 2",
    where: "m IS NULL AND n * 2 IS NOT NULL",
    columns: ["m"],
    differs: "m IS DISTINCT FROM n * 2",
    ...more,
  };
}
