import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { createRng } from "../../../../src/base/rng.ts";
import { runBackfill } from "../../../../src/engine/database/backfill.ts";
import type { Pace } from "../../../../src/engine/database/backfill-options.ts";
import type { BackfillRecord } from "../../../../src/ports/database.ts";
import { backfillAction } from "../../../support/backfill-action.ts";
import { MemoryTable } from "../../../support/backfill-memory.ts";

const backfill = {
  table: "t",
  key: ["id"],
  set: "n = n + 1",
  where: "true",
  columns: ["n"],
};
const action = backfillAction(backfill);

/** Runs it again and again, as an operator would, until it has come to its end. */
async function toTheEnd(table: MemoryTable, seed: number, once: boolean): Promise<BackfillRecord> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const patience = {
      clock: table,
      rng: createRng(seed),
      signal: new AbortController().signal,
      lockTimeoutMs: 100,
      limitMs: 1e9,
    };
    const runner = { lease: table.lease(), patience, note: () => undefined };
    try {
      return await runBackfill(runner, { release: 2, action, backfill: { ...backfill, once }, from: null }, { workers: 3 });
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_DATABASE_UNREACHABLE" });
      expect(table.counted).toBe(table.done.reduce((sum, times) => sum + times, 0));
    }
  }
  throw new Error("it never came to its end");
}

it("does each row once, counts each once, and names each that fails, whatever is cut, locked or lost, and however it is cut up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.integer(),
        rows: fc.integer({ min: 1, max: 20_000 }),
        faulty: fc.uniqueArray(fc.nat(20_000), { maxLength: 8 }),
        trouble: fc.constantFrom(0, 0.05, 0.2),
        way: fc.constantFrom("once", "whole", "halves"),
      }),
      async ({ seed, rows, faulty, trouble, way }) => {
        const bad = new Set(faulty.filter((row) => row < rows));
        const table = new MemoryTable({
          rows,
          faulty: bad,
          trouble,
          rng: createRng(seed),
          halves: way === "halves",
        });
        const record = await toTheEnd(table, seed, way === "once");
        expect(table.done.every((times, row) => times === (bad.has(row) ? 0 : 1))).toBe(true);
        expect(record.rows).toBe(rows - bad.size);
        expect(record.failed.map(({ key }) => Number(key[0])).toSorted((a, b) => a - b)).toEqual(
          [...bad].toSorted((a, b) => a - b),
        );
      },
    ),
    { numRuns: 60 },
  );
}, 30_000);

it("a second connection that breaks while the first one works is heard: it ends the backfill, and not the daemon", async () => {
  const table = new MemoryTable({ rows: 20_000, faulty: new Set(), trouble: 0, rng: createRng(5) });
  const lease = table.lease();
  let recruited = false;
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", hear);
  onTestFinished(() => void process.off("unhandledRejection", hear));
  const patience = { clock: table, rng: createRng(5), signal: new AbortController().signal, lockTimeoutMs: 100, limitMs: 1e9 };
  const ran = runBackfill(
    {
      patience,
      note: () => undefined,
      lease: {
        ...lease,
        batch: async (request) => {
          // Long enough for the platform to miss whoever should have heard of the other one.
          for (let turns = recruited ? 3 : 0; turns > 0; turns -= 1) await new Promise(setImmediate);
          return lease.batch(request);
        },
        worker: async () => {
          recruited = true;
          return { ...(await lease.worker()), batch: () => Promise.reject(new Error("the line broke")) };
        },
      },
    },
    { release: 2, action, backfill: { ...backfill, once: true }, from: null },
    { workers: 2, batchMs: 3 },
  );
  await expect(ran).rejects.toThrow("the line broke");
  expect([recruited, unheard]).toEqual([true, []]);
});

it("a second connection is let go while the load leaves room for one, and is not asked for before there is room again", async () => {
  const table = new MemoryTable({ rows: 60_000, faulty: new Set(), trouble: 0, rng: createRng(5) });
  const lease = table.lease();
  const [asked, closed]: [number[], number[]] = [[], []];
  const patience = { clock: table, rng: createRng(5), signal: new AbortController().signal, lockTimeoutMs: 100, limitMs: 1e9 };
  const counted = {
    ...lease,
    worker: async () => {
      const worker = await lease.worker();
      asked.push(table.counted);
      return { ...worker, close: async () => void closed.push(table.counted) };
    },
  };
  const pace = (): { speed: number; reason: string | null; batchShare: number } =>
    asked.length > 0 ? { speed: 0.1, reason: "felt", batchShare: 0.02 } : { speed: 1, reason: null, batchShare: 1 };
  const record = await runBackfill(
    { patience, note: () => undefined, lease: counted },
    { release: 2, action, backfill: { ...backfill, once: true }, from: null },
    { workers: 2, batchMs: 6, pacer: () => ({ pace: async () => pace() }) },
  );
  expect(record.rows).toBe(60_000);
  // The batch that was under way at full speed may ask for one more.
  expect(asked.length).toBeLessThanOrEqual(2);
  expect(closed).toHaveLength(asked.length);
  expect(closed[0]! - asked[0]!).toBeLessThan(5_000);
});

it("is not slowed down to minutes for what is nearly over, and says so", async () => {
  const took = async (rows: number): Promise<{ readonly ms: number; readonly said: ReadonlySet<string | null> }> => {
    const table = new MemoryTable({ rows, faulty: new Set(), trouble: 0, rng: createRng(9) });
    const patience = { clock: table, rng: createRng(9), signal: new AbortController().signal, lockTimeoutMs: 100, limitMs: 1e9 };
    const said = new Set<string | null>();
    const pace: Pace = { speed: 0.005, briefSpeed: 0.1, reason: "users feel it", batchShare: 0.02 };
    const { ms } = await runBackfill(
      { lease: table.lease(), patience, note: () => undefined },
      { release: 2, action, backfill, from: null },
      { workers: 1, pacer: () => ({ pace: () => Promise.resolve(pace) }), onProgress: ({ slow }) => said.add(slow) },
    );
    return { ms, said };
  };
  const [short, long] = [await took(5_000), await took(500_000)];
  expect(short.said).toContain("users feel it, but 10 % as little is left");
  expect(long.said).toContain("users feel it");
  // A hundred times as many rows take a thousand times as long.
  expect(long.ms / short.ms).toBeGreaterThan(500);
});

it("compares all rows at the end as it walks: in short looks, between which it rests as long as it is told, and says that it does", async () => {
  const table = new MemoryTable({ rows: 60_000, faulty: new Set(), trouble: 0, rng: createRng(7) });
  const patience = { clock: table, rng: createRng(7), signal: new AbortController().signal, lockTimeoutMs: 100, limitMs: 1e9 };
  const said = new Set<string | null>();
  const { comparison } = await runBackfill(
    { lease: table.lease(), patience, note: () => undefined },
    { release: 2, action, backfill, from: null },
    {
      workers: 1,
      pacer: () => ({ pace: async () => ({ speed: 0.25, reason: "users feel it", batchShare: 0.2 }) }),
      onProgress: ({ slow }) => said.add(slow),
    },
  );
  expect(comparison).toEqual({ rows: 60_000, left: 0, different: null });
  const longest = Math.max(...table.looks.map(({ began, ended }) => ended - began));
  expect(longest).toBeLessThan(0.2 * 150 * 1.2);
  const rests = table.looks.slice(1).map(({ began }, index) => {
    const before = table.looks[index];
    return (began - (before?.ended ?? 0)) / Math.max(1, (before?.ended ?? 0) - (before?.began ?? 0));
  });
  expect(Math.min(...rests)).toBeGreaterThanOrEqual(2.9);
  expect([...said].at(-1)).toBe("all rows are compared; users feel it");
});
