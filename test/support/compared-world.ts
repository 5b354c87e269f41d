import { HitlessError } from "../../src/base/error.ts";
import { ZERO_COUNTS, type LedgerSnapshot } from "../../src/core/ledger.ts";
import type { LedgerQuery, Traffic } from "../../src/ports/traffic.ts";
import type { SimClock } from "../../sim/clock.ts";

/** What a release has had a number of seconds after the task began (before it: below zero). */
export type Curve = (seconds: number) => { readonly served: number; readonly failed: number };

export interface ComparedWorld {
  readonly releases: Readonly<Record<string, Curve>>;
  /** Milliseconds after the beginning at which the proxy cannot be reached. */
  readonly isAway?: (ms: number) => boolean;
  /** The second at which the counters began anew. */
  readonly bornAt?: number;
}

/** The counters of a proxy whose releases follow their curves from now on. */
export function countersOf(
  clock: SimClock,
  { releases, isAway = () => false, bornAt = -1_000 }: ComparedWorld,
): Pick<Traffic, "ledger"> {
  const startedAt = clock.now();
  const snapshot = (at: number): LedgerSnapshot => {
    const seconds = (at - startedAt) / 1_000;
    const rows = Object.entries(releases).map(([release, curve]) => {
      const base = seconds >= bornAt ? curve(bornAt) : { served: 0, failed: 0 };
      const { served, failed } = curve(seconds);
      const counts = { ...ZERO_COUNTS, served: served - base.served, appError: failed - base.failed };
      return { release, counts, latency: [[200, counts.served + counts.appError]] as const };
    });
    return { boot: seconds >= bornAt ? "b2" : "b1", app: "shop", at, rows, inFlight: 0, slowest: [] };
  };
  return {
    ledger: (_app: string, { at = clock.now() }: LedgerQuery = {}) =>
      isAway(clock.now() - startedAt)
        ? Promise.reject(new HitlessError({ code: "ERR_PROXY_UNREACHABLE", what: "Away." }))
        : Promise.resolve(snapshot(at)),
  };
}

/** Lets the clock run until the promise is settled. */
export async function byTheClock<T>(clock: SimClock, running: Promise<T>, stepsMax = 5_000): Promise<T> {
  let isOver = (): boolean => false;
  void running.catch(() => undefined).finally(() => (isOver = () => true));
  for (let step = 0; step < stepsMax && !isOver(); step += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
    clock.step();
  }
  return running;
}

/** So many requests a second, of which a share fails. */
export function steady(perSecond: number, errors = 0): Curve {
  return (seconds) => {
    const failed = Math.round(seconds * perSecond * errors);
    return { served: Math.round(seconds * perSecond) - failed, failed };
  };
}

/** As `steady`, from a second on. */
export function from(second: number, curve: Curve): Curve {
  return (seconds) => curve(Math.max(0, seconds - second));
}
