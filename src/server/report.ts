import type { LatencyStatus, Report } from "../api/daemon.ts";
import { addHistograms, quantile, type HistogramData } from "../base/histogram.ts";
import {
  ledgerBetween,
  LEDGER_COLUMNS,
  lostOf,
  sumRows,
  totalOf,
  type LedgerCounts,
  type LedgerRow,
  type LedgerSnapshot,
} from "../core/ledger.ts";
import { periodsWithin } from "../core/gate-state.ts";
import type { AppState, Deployment } from "../core/state.ts";
import type { Traffic } from "../ports/traffic.ts";
import { deploymentStatus, orNull } from "./status.ts";

/** How much of the time after a deployment it is compared with. */
const AFTER_MS = 60_000;
const SLOWEST_SHOWN = 5;

interface Window {
  readonly rows: readonly LedgerRow[];
  readonly ms: number;
}

/** What happened to every request of a deployment; while it runs, up to now. */
export async function makeReport(state: AppState, deployment: Deployment, traffic: Traffic, now: number): Promise<Report> {
  const { app } = state;
  const { opened, before, beforeMs, closed } = deployment.ledger;
  const running = deployment.outcome === null;
  const end = running ? await orNull(traffic.ledger(app, { slowestSince: deployment.startedAt })) : closed;
  const rows = end === null ? [] : ledgerBetween(opened, end);
  const totals = sumRows(rows);
  return {
    app,
    deployment: deploymentStatus(deployment),
    durationMs: (deployment.endedAt ?? now) - deployment.startedAt,
    rows: rows.map(({ release, counts }) => ({ release, counts, total: totalOf(counts) })),
    totals,
    total: totalOf(totals),
    lost: lostOf(totals),
    caveat: caveatOf(opened, end, totals),
    latency: {
      before: latency({ rows: before, ms: beforeMs }),
      during: latency({ rows, ms: (end?.at ?? now) - (opened?.at ?? deployment.startedAt) }),
      after: latency(await windowAfter(app, deployment, traffic, now)),
    },
    errorShare: { from: errorShare(rows, deployment.from), to: errorShare(rows, deployment.to) },
    slowest: (end?.slowest ?? []).slice(0, SLOWEST_SHOWN),
    capacity: deployment.capacity,
    periods: periodsWithin(state, deployment.startedAt, deployment.endedAt ?? now),
  };
}

async function windowAfter(app: string, { ledger, endedAt }: Deployment, traffic: Traffic, now: number): Promise<Window> {
  const none: Window = { rows: [], ms: 0 };
  if (endedAt === null || ledger.closed === null) return none;
  const until = endedAt + AFTER_MS;
  const later = await orNull(now < until ? traffic.ledger(app) : traffic.ledger(app, { at: until }));
  if (later === null || later.boot !== ledger.closed.boot) return none;
  return { rows: ledgerBetween(ledger.closed, later), ms: Math.max(0, Math.min(later.at, until) - ledger.closed.at) };
}

function caveatOf(opened: LedgerSnapshot | null, end: LedgerSnapshot | null, totals: LedgerCounts): string | null {
  if (end === null) return "The proxy did not answer at the end: its counts are missing.";
  if (opened !== null && opened.boot !== end.boot)
    return "The proxy was started anew meanwhile: what it had counted before is missing.";
  if (totals.unaccounted > 0) {
    return "A worker of the proxy was killed. What it may not have handed over is counted as unaccounted: an upper bound, some of it may have been served.";
  }
  return null;
}

function latency({ rows, ms }: Window): LatencyStatus {
  const merged = rows.reduce<HistogramData>((sum, row) => addHistograms(sum, row.latency), []);
  const inMs = (q: number): number | null => {
    const us = quantile(merged, q);
    return us === null ? null : us / 1000;
  };
  return { p50Ms: inMs(0.5), p99Ms: inMs(0.99), requests: merged.reduce((sum, [, count]) => sum + count, 0), windowMs: ms };
}

/** Share of the release's own answers that were 5xx. */
function errorShare(rows: readonly LedgerRow[], release: string | null): number | null {
  const counts = rows.find((row) => row.release === release)?.counts;
  if (counts === undefined) return null;
  const answers = LEDGER_COLUMNS.filter((column) => column.startsWith("served") || column === "appError").reduce(
    (sum, column) => sum + counts[column],
    0,
  );
  return answers === 0 ? null : counts.appError / answers;
}
