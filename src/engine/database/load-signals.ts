import { felt, feltFrom, type FeltLatency } from "../../database/backfill/felt-latency.ts";
import { addHistograms, countOf, type HistogramData } from "../../base/histogram.ts";
import type { BackfillSpec } from "../../core/database-spec.ts";
import type { LedgerSnapshot } from "../../core/ledger.ts";
import { ledgerBetween } from "../../core/ledger.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DatabaseLease } from "../../ports/database.ts";
import type { Http } from "../../ports/http.ts";
import type { Traffic } from "../../ports/traffic.ts";
import type { LoadSignal } from "./load-pacer.ts";

/** How many requests there are is measured over so long. */
const BEFORE_MS = 30_000;
/** For so long what a backfill has seen of the users holds for the next one, which then need not rest and begin slowly. */
const REMEMBERED_MS = 60_000;
const HTTP_MS = 2_000;

export interface SignalParts {
  readonly app: string;
  readonly clock: Clock;
  readonly traffic: Pick<Traffic, "ledger">;
  readonly http: Http;
  readonly lease: DatabaseLease;
  readonly spec: BackfillSpec;
  /** Quoted, with its schema. */
  readonly table: string;
  /** What users felt of backfills, by app: whoever comes next goes on with it. */
  readonly felt: Map<string, FeltLatency>;
}

/** Everything that a backfill listens to. */
export function loadSignals(parts: SignalParts): readonly LoadSignal[] {
  const { spec } = parts;
  return [
    latencySignal(parts),
    { name: "the database", read: () => parts.lease.load(parts.table) },
    ...(spec.query === null ? [] : [querySignal(parts.lease, spec.query)]),
    ...(spec.url === null ? [] : [urlSignal(parts.http, spec.url)]),
  ];
}

/** What users feel, as the proxy measures it. */
function latencySignal({ app, clock, traffic, spec, felt: known }: SignalParts): LoadSignal {
  return {
    name: "latency",
    read: async (speed) => {
      const now = await traffic.ledger(app);
      if (now === null) return [{ name: "latency", load: 0, text: "the app has no requests" }];
      let state = known.get(app);
      if (state === undefined || clock.now() - (state.last?.at ?? 0) > REMEMBERED_MS) {
        const before = await traffic.ledger(app, { at: clock.now() - BEFORE_MS });
        state = feltFrom(countOf(latencyOf(before, now)) / (BEFORE_MS / 1_000));
      }
      const sample = { at: now.at, boot: now.boot, latency: latencyOf(null, now) };
      const [next, reading] = felt(state, sample, { speed, rise: spec.rise });
      known.set(app, next);
      return [reading];
    },
  };
}

function latencyOf(before: LedgerSnapshot | null, now: LedgerSnapshot): HistogramData {
  return ledgerBetween(before, now).reduce<HistogramData>((sum, { latency }) => addHistograms(sum, latency), []);
}

/** The user's own: a number above 0 says stop. */
function querySignal(lease: DatabaseLease, query: string): LoadSignal {
  return {
    name: "backfill.query",
    read: async () => {
      const value = await lease.number(query);
      const stop = value > 0;
      return [{ name: "backfill.query", load: 0, text: `backfill.query says ${String(value)}`, yields: stop }];
    },
  };
}

/** The user's own: any other answer than 2xx says stop; none says nothing. */
function urlSignal(http: Http, url: string): LoadSignal {
  return {
    name: "backfill.url",
    read: async (_speed, signal) => {
      const { status } = await http.send({ method: "GET", url, headers: {}, body: null, timeoutMs: HTTP_MS }, signal);
      const go = status >= 200 && status < 300;
      return [{ name: "backfill.url", load: 0, text: `backfill.url answers ${String(status)}`, yields: !go }];
    },
  };
}
