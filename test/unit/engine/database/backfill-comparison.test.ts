import { expect, it } from "vitest";
import { createRng } from "../../../../src/base/rng.ts";
import { compareAll } from "../../../../src/engine/database/backfill-comparison.ts";
import { BackfillMeter } from "../../../../src/engine/database/backfill-meter.ts";
import type { WalkParts } from "../../../../src/engine/database/backfill-run.ts";
import type { DatabaseLease } from "../../../../src/ports/database.ts";
import { backfillAction } from "../../../support/backfill-action.ts";
import { MemoryTable } from "../../../support/backfill-memory.ts";

it("the last look at a large table without a key ends when the walk does, with the reason of that", async () => {
  const clock = new MemoryTable({ rows: 1, faulty: new Set(), trouble: 0, rng: createRng(1) });
  const stop = new AbortController();
  const asked: string[] = [];
  const lease = {
    compare: async () => ({ kind: "compared", after: null, comparison: { rows: 5_000_000, left: 0, different: null } }),
    ask: (sql: string, signal?: AbortSignal) => {
      asked.push(sql);
      const { promise, reject } = Promise.withResolvers<boolean>();
      signal?.addEventListener("abort", () => {
        reject(new Error("canceling statement due to user request"));
      });
      stop.abort(new Error("paused by ada"));
      return promise;
    },
  } as Partial<DatabaseLease> as DatabaseLease;
  const backfill = { table: "t", key: [], set: "n = 1", where: "n IS NULL" };
  const parts: WalkParts = {
    runner: {
      lease,
      patience: { clock, rng: createRng(1), signal: stop.signal, lockTimeoutMs: 100, limitMs: 1_000 },
      note: () => undefined,
    },
    run: { release: 2, action: backfillAction(backfill), backfill, from: null },
    options: {},
    pacer: null,
    meter: new BackfillMeter({ clock, total: 5_000_000, cursors: [], onProgress: () => undefined }),
    quiet: false,
    halves: false,
  };
  const stretch = { part: 0, table: "t", key: [], cursor: { after: null, until: null, rows: 0 } };
  await expect(compareAll(parts, [stretch])).rejects.toThrow("paused by ada");
  expect(asked).toEqual(["SELECT EXISTS (SELECT FROM t WHERE n IS NULL) AS left"]);
}, 5_000);
