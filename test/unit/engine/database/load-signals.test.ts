import { expect, it } from "vitest";
import { bucketOf } from "../../../../src/base/histogram.ts";
import { DEFAULT_BACKFILL } from "../../../../src/core/database-spec.ts";
import { ZERO_COUNTS, type LedgerSnapshot } from "../../../../src/core/ledger.ts";
import type { FeltLatency } from "../../../../src/database/backfill/felt-latency.ts";
import type { Reading } from "../../../../src/database/backfill/pace-law.ts";
import { loadSignals, type SignalParts } from "../../../../src/engine/database/load-signals.ts";

/** An hour of an app with 200 requests of 5 ms a second. */
class BusyApp {
  seconds = 3_600;
  readonly #felt = new Map<string, FeltLatency>();

  #ledger(at: number): LedgerSnapshot {
    const latency = [[bucketOf(5_000), Math.floor(at / 1_000) * 200]] as const;
    return {
      boot: "b",
      app: "shop",
      at,
      rows: [{ release: "r1", counts: { ...ZERO_COUNTS, served: latency[0][1] }, latency }],
      inFlight: 0,
      slowest: [],
    };
  }

  /** What a backfill that begins now is told in so many seconds. */
  async told(seconds: number): Promise<readonly Reading[]> {
    const parts = {
      ...{ app: "shop", table: "public.t", spec: DEFAULT_BACKFILL, felt: this.#felt },
      clock: { now: () => this.seconds * 1_000 },
      traffic: { ledger: async (_app: string, query?: { at?: number }) => this.#ledger(query?.at ?? this.seconds * 1_000) },
    } as unknown as SignalParts;
    const [latency] = loadSignals(parts);
    const readings: Reading[] = [];
    for (let second = 0; second < seconds; second++) {
      this.seconds++;
      readings.push(...(await latency!.read(1, new AbortController().signal)));
    }
    return readings;
  }
}

it("what a backfill has seen of the users holds for the next one within a minute; later it rests and begins slowly again", async () => {
  const app = new BusyApp();
  const first = await app.told(15);
  expect(first[0]).toMatchObject({ most: 0 });
  expect(first.at(-1)!.most).toBeGreaterThan(0.05);
  app.seconds += 50;
  const [soon] = await app.told(1);
  expect(soon).toMatchObject({ most: first.at(-1)!.most });
  app.seconds += 61;
  const [late] = await app.told(1);
  expect(late).toMatchObject({ most: 0 });
});
