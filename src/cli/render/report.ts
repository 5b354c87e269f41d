import type { Report } from "../../api/daemon.ts";
import { LEDGER_COLUMNS, type LedgerColumn, type LedgerCounts } from "../../core/ledger.ts";
import type { Output } from "../output.ts";
import { phaseText } from "./status.ts";
import { table } from "./table.ts";
import { verdictTable } from "./verdicts.ts";
import { count, ms, percent, time, took } from "./units.ts";

const TITLES: Readonly<Record<LedgerColumn, string>> = {
  served: "served",
  servedAfterRetry: "served after retry",
  servedAfterHold: "served after hold",
  appError: "application's own 5xx",
  clientGone: "client went away",
  refused: "refused as invalid",
  maintenance: "maintenance page",
  cut: "cut at the drain limit",
  failed: "failed by us",
  unaccounted: "unaccounted",
};
const LOST = new Set<LedgerColumn>(["cut", "failed", "unaccounted"]);

/** The proof, for people. */
export function renderReport(report: Report, output: Output): readonly string[] {
  const { deployment, app } = report;
  const way =
    deployment.from === deployment.to || deployment.from === null
      ? (deployment.to ?? deployment.from ?? "")
      : `${deployment.from} → ${deployment.to ?? "nothing"}`;
  return [
    `${output.style("bold", `${app} ${deployment.name}`)}  ${deployment.kind} ${way}  ${phaseText(deployment.phase, output)} in ${took(report.durationMs)}`,
    output.style("dim", `begun ${time(deployment.startedAt)} by ${deployment.by}`),
    ...(deployment.override === null ? [] : [output.style("yellow", `freeze overridden: ${deployment.override}`)]),
    "",
    ...ledgerTable(report, output),
    "",
    lostLine(report, output),
    ...failureLines(deployment, output),
    ...(report.caveat === null ? [] : [output.style("yellow", report.caveat)]),
    "",
    ...latencyTable(report, output),
    "",
    `5xx share        ${deployment.from ?? "before"} ${percent(report.errorShare.from)}, ${deployment.to ?? "after"} ${percent(report.errorShare.to)}`,
    `instances        ${String(report.capacity.atStart)} in rotation at the start, never fewer than ${String(report.capacity.lowest)}`,
    ...report.periods.map(({ kind, by, since, until }) => `${kind.padEnd(16)} ${took(until - since)} of it, by ${by}`),
    ...slowest(report),
    ...below(verdictTable(deployment, output)),
  ];
}

/** Why it went back. What a task has seen stands with its verdict. */
function failureLines({ failure, phase }: Report["deployment"], output: Output): readonly string[] {
  if (failure === null) return [];
  const { code, what, why, details = [] } = failure;
  const head = [what, why].filter((part) => part !== undefined).join(" ");
  const shown = code === "ERR_TASK_FAILED" ? [] : details;
  return [output.style("red", `${phase}: ${head}`), ...shown.map((line) => output.style("dim", `  ${line}`))];
}

function below(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}

/** The one line people look at after a deployment. */
export function lostLine({ lost, total, totals }: Report, output: Output): string {
  const served = `${count(total)} requests`;
  if (lost === 0) return output.style("green", `✔ ${served}, none lost`);
  const parts = LEDGER_COLUMNS.filter((column) => LOST.has(column) && totals[column] > 0).map(
    (column) => `${count(totals[column])} ${TITLES[column]}`,
  );
  return output.style("red", `✖ ${served}, ${count(lost)} lost: ${parts.join(", ")}`);
}

function ledgerTable({ rows, totals, total }: Report, output: Output): readonly string[] {
  const names = rows.map((row) => (row.release === "-" ? "no release" : row.release));
  const columns = [{ title: "" }, ...names.map((title) => ({ title, right: true })), { title: "all", right: true }];
  const line = (title: string, of: (counts: LedgerCounts) => number): string[] => [
    title,
    ...rows.map((row) => count(of(row.counts))),
    count(of(totals)),
  ];
  const body = LEDGER_COLUMNS.map((column) => line(TITLES[column], (counts) => counts[column]));
  const sums = ["requests", ...rows.map((row) => count(row.total)), count(total)];
  const [head = "", ...lines] = table(columns, [...body, sums]);
  return [output.style("dim", head), ...lines];
}

function latencyTable({ latency }: Report, output: Output): readonly string[] {
  const windows = ["before", "during", "after"] as const;
  const rows = windows.map((name) => {
    const { p50Ms, p99Ms, requests, windowMs } = latency[name];
    return [name, requests === 0 ? "–" : took(windowMs), count(requests), ms(p50Ms), ms(p99Ms)];
  });
  const [head = "", ...lines] = table(
    [
      { title: "latency" },
      { title: "window", right: true },
      { title: "answers", right: true },
      { title: "p50", right: true },
      { title: "p99", right: true },
    ],
    rows,
  );
  return [output.style("dim", head), ...lines];
}

function slowest(report: Report): readonly string[] {
  return report.slowest.map(({ method, path, ms: value, release, status }, index) => {
    return `${index === 0 ? "slowest          " : "                 "}${ms(value)}  ${method} ${path}  ${String(status)} by ${release}`;
  });
}
