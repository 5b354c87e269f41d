import { addHistograms, bucketLimit, quantile, type HistogramData } from "../../base/histogram.ts";
import type { LedgerRow } from "../ledger.ts";
import type { Share } from "./evidence.ts";

/** What one release did in some time. */
export interface Sample {
  /** Requests that say something of the application: answered by it, or failed by it or on the way to it. */
  readonly requests: number;
  /** 5xx of the application, and what failed between it and the proxy. */
  readonly errors: number;
  /** Microseconds. */
  readonly latency: HistogramData;
}

export const NO_SAMPLE: Sample = Object.freeze({ requests: 0, errors: 0, latency: [] });

export function sampleOf(rows: readonly LedgerRow[], release: string): Sample {
  const row = rows.find((one) => one.release === release);
  if (row === undefined) return NO_SAMPLE;
  const { served, servedAfterRetry, servedAfterHold, appError, failed } = row.counts;
  const errors = appError + failed;
  return { requests: served + servedAfterRetry + servedAfterHold + errors, errors, latency: row.latency };
}

export function addSamples(a: Sample, b: Sample): Sample {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors, latency: addHistograms(a.latency, b.latency) };
}

export function errorsOf({ requests, errors }: Sample): Share {
  return { requests, events: errors };
}

export function errorShare({ requests, errors }: Sample): number {
  return requests === 0 ? 0 : errors / requests;
}

/** How many of the answers took longer. */
export function slowerThan({ latency }: Sample, us: number): Share {
  return {
    requests: latency.reduce((sum, [, count]) => sum + count, 0),
    events: latency.reduce((sum, [bucket, count]) => (bucketLimit(bucket) > us ? sum + count : sum), 0),
  };
}

/** Milliseconds, or null without an answer. */
export function quantileMs({ latency }: Sample, q: number): number | null {
  const us = quantile(latency, q);
  return us === null ? null : us / 1_000;
}
