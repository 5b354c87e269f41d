import { systemClock } from "../../../src/adapters/clock/system.ts";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { createRng } from "../../../src/base/rng.ts";
import type { Action, Backfill } from "../../../src/database/plan/action.ts";
import { runBackfill } from "../../../src/engine/database/backfill.ts";
import type { BackfillOptions } from "../../../src/engine/database/backfill-options.ts";
import type { BackfillRecord } from "../../../src/ports/database.ts";
import { backfillAction } from "../backfill-action.ts";

/** Runs a backfill as the step of a release, and marks it done if it is complete. */
export async function backfillIn(
  url: string,
  backfill: Backfill,
  { notes = [], ...options }: BackfillOptions & { readonly notes?: string[] } = {},
): Promise<BackfillRecord> {
  const lease = await postgresDatabase.lease(url, "shop");
  const patience = {
    clock: systemClock,
    rng: createRng(7),
    signal: AbortSignal.timeout(600_000),
    lockTimeoutMs: 100,
    limitMs: 30_000,
  };
  const action: Action = { ...backfillAction(backfill), table: "public.t", lock: "ROW EXCLUSIVE" };
  try {
    const runner = { lease, patience, note: (text: string) => notes.push(text) };
    const record = await runBackfill(runner, { release: 2, action, backfill, from: null }, options);
    if (record.failed.length === 0) await lease.step({ release: 2, action: "e1", sql: [], mark: "done", lockTimeoutMs: 100 });
    return record;
  } finally {
    await lease.close();
  }
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

/** Adds one to `n`: doing a row twice shows. */
export function counting(key: readonly string[]): Backfill {
  return { table: "public.t", key, set: "n = n + 1", where: "true", columns: ["n"], once: true };
}

/** Fills `m` from the key. */
export function numbering(key: readonly string[]): Backfill {
  return {
    table: "public.t",
    key,
    set: "m = id * 2",
    where: "m IS NULL",
    columns: ["m"],
    differs: "m IS DISTINCT FROM id * 2",
  };
}
