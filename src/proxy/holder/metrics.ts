import { bucketLimit, type HistogramData } from "../../base/histogram.ts";
import type { ProxyStatus } from "../../api/proxy-control.ts";
import { LEDGER_COLUMNS } from "../../core/ledger.ts";
import type { AppBook } from "./ledger-book.ts";

export interface MetricsSource {
  readonly status: ProxyStatus;
  readonly books: readonly AppBook[];
  readonly workerRestarts: number;
  readonly connectionsRefused: number;
  readonly logLinesDropped: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Seconds; those of the Prometheus client libraries. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Older ones are not shown any more: labels must not grow without end. */
const RELEASES_SHOWN = 20;

const SESSIONS =
  "Requests with a session cookie (a sample, at high loads), by whether the node had set or accepted it before, and by whether it did so now.";

/** The Prometheus text format, version 0.0.4. */
export function renderMetrics(source: MetricsSource): string {
  return [...proxyMetrics(source), ...appMetrics(source), ...requestMetrics(source.books)].join("");
}

function proxyMetrics({ status, workerRestarts, connectionsRefused, logLinesDropped }: MetricsSource): string[] {
  const { version, startedAt, workers, predecessor, handshakes } = status;
  const connections = workers.reduce((sum, worker) => sum + worker.clientConnections, predecessor?.clientConnections ?? 0);
  return [
    metric("gauge", "hitless_proxy_info", "The version of the proxy.", [[{ version }, 1]]),
    metric("gauge", "hitless_proxy_start_time_seconds", "When this generation started, since the epoch.", [
      [{}, startedAt / 1000],
    ]),
    metric("gauge", "hitless_proxy_workers", "Worker processes of this generation.", [[{}, workers.length]]),
    metric("counter", "hitless_proxy_worker_restarts_total", "Workers that ended and were replaced.", [[{}, workerRestarts]]),
    metric("gauge", "hitless_client_connections", "Open connections of clients.", [[{}, connections]]),
    metric("counter", "hitless_client_connections_refused_total", "Connections over the limit.", [[{}, connectionsRefused]]),
    metric("counter", "hitless_tls_handshakes_total", "TLS handshakes.", [
      [{ result: "completed" }, handshakes.completed],
      [{ result: "failed" }, handshakes.failed],
    ]),
    metric("counter", "hitless_tls_sessions_resumed_total", "Completed handshakes that took up an earlier session.", [
      [{}, handshakes.resumed],
    ]),
    metric("counter", "hitless_access_log_lines_dropped_total", "Lines of access logs that the disk was too slow for.", [
      [{}, logLinesDropped],
    ]),
  ];
}

/** Only targets of the present tables: instances that are gone leave with the next table. */
function appMetrics({ status: { apps } }: MetricsSource): string[] {
  const targets = apps.flatMap(({ app, targets: of }) =>
    of.map((target) => ({ labels: { app, instance: target.instance }, target })),
  );
  return [
    metric(
      "gauge",
      "hitless_route_table_epoch",
      "Epoch of the present route table.",
      apps.map(({ app, epoch }) => [{ app }, epoch]),
    ),
    metric(
      "gauge",
      "hitless_route_table_revision",
      "Revision of the present route table.",
      apps.map(({ app, revision }) => [{ app }, revision]),
    ),
    metric(
      "gauge",
      "hitless_requests_held",
      "Requests that wait for a target.",
      apps.map(({ app, held }) => [{ app }, held]),
    ),
    metric(
      "gauge",
      "hitless_target_up",
      "1 if the target passes its health checks.",
      targets.map(({ labels, target }) => [labels, target.state === "up" ? 1 : 0]),
    ),
    metric(
      "gauge",
      "hitless_target_requests_in_flight",
      "Requests that the target has at the moment.",
      targets.map(({ labels, target }) => [labels, target.inFlight]),
    ),
    metric(
      "counter",
      "hitless_target_requests_total",
      "Requests that the target was given, repetitions included.",
      targets.map(({ labels, target }) => [labels, target.requests]),
    ),
  ];
}

function requestMetrics(books: readonly AppBook[]): string[] {
  const snapshots = books.map((book) => ({ book, snapshot: book.snapshot(Date.now()) }));
  const rows = snapshots.flatMap(({ book: { app }, snapshot }) =>
    snapshot.rows.slice(-RELEASES_SHOWN).map((row) => ({ labels: { app, release: row.release }, row })),
  );
  return [
    metric(
      "gauge",
      "hitless_requests_in_flight",
      "Requests under way.",
      snapshots.map(({ book: { app }, snapshot }) => [{ app }, snapshot.inFlight]),
    ),
    metric(
      "counter",
      "hitless_requests_total",
      "Requests by the column of the ledger they ended in.",
      rows.flatMap(({ labels, row }) => LEDGER_COLUMNS.map((column): Sample => [{ ...labels, column }, row.counts[column]])),
    ),
    metric(
      "counter",
      "hitless_responses_total",
      "Answers by the class of their status; none: the client went away before it.",
      rows.flatMap(({ labels, row }) =>
        (books.find(({ app }) => app === labels.app)?.classesOf(row.release) ?? []).map((count, index): Sample => [
          { ...labels, class: index === 0 ? "none" : `${String(index)}xx` },
          count,
        ]),
      ),
    ),
    metric(
      "counter",
      "hitless_requests_refused_total",
      "Requests that are not valid or over a limit, by the status they were refused with.",
      books.flatMap((book) =>
        book.refused().map(([status, count]): Sample => [{ app: book.app, status: String(status) }, count]),
      ),
    ),
    metric("counter", "hitless_session_requests_total", SESSIONS, books.flatMap(sessionSamples)),
    histogram(
      "hitless_request_duration_seconds",
      "From a request's first byte to its answer's last; answers of applications only. Sums are at most 6.25 % too high.",
      rows.map(({ labels, row }) => [labels, row.latency]),
    ),
  ];
}

function sessionSamples({ app, sessions }: AppBook): readonly Sample[] {
  return sessions.all().flatMap(({ release, route, own, ownLost, other, otherLost }): readonly Sample[] => {
    const labels = { app, release, route };
    return [
      [{ ...labels, node: "own", result: "kept" }, own - ownLost],
      [{ ...labels, node: "own", result: "lost" }, ownLost],
      [{ ...labels, node: "other", result: "kept" }, other - otherLost],
      [{ ...labels, node: "other", result: "lost" }, otherLost],
    ];
  });
}

function metric(type: "counter" | "gauge", name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${String(value)}\n`);
  return `${head(type, name, help)}${lines.join("")}`;
}

function histogram(name: string, help: string, series: readonly (readonly [Labels, HistogramData])[]): string {
  const lines = series.flatMap(([labels, data]) => {
    const counts = BUCKETS.map((le) =>
      data.reduce((sum, [bucket, count]) => sum + (bucketLimit(bucket) <= le * 1e6 ? count : 0), 0),
    );
    const total = data.reduce((sum, [, count]) => sum + count, 0);
    const seconds = data.reduce((sum, [bucket, count]) => sum + (bucketLimit(bucket) / 1e6) * count, 0);
    return [
      ...BUCKETS.map((le, index) => `${name}_bucket${labelText({ ...labels, le: String(le) })} ${String(counts[index] ?? 0)}\n`),
      `${name}_bucket${labelText({ ...labels, le: "+Inf" })} ${String(total)}\n`,
      `${name}_sum${labelText(labels)} ${String(seconds)}\n`,
      `${name}_count${labelText(labels)} ${String(total)}\n`,
    ];
  });
  return `${head("histogram", name, help)}${lines.join("")}`;
}

function head(type: string, name: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
