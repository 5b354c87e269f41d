/**
 * `npm run bench:backfill-latency`: what users of the example shop feel of a backfill in its database, with the throttle and without it, in turn in one
 * run. The plot goes into docs/backfill-latency.svg (or where `--plot` says), the figures into docs/benchmarks.md (not with `--no-write`). A run in
 * which users saw errors, or too few of them came to say anything, writes nothing and ends with 1.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../src/adapters/clock/system.ts";
import { nodeHttp } from "../src/adapters/http/node-http.ts";
import { postgresDatabase } from "../src/adapters/postgres/database.ts";
import { ProxyTraffic } from "../src/adapters/proxy/traffic.ts";
import { DEFAULT_BACKFILL } from "../src/core/database-spec.ts";
import type { Pacer } from "../src/engine/database/backfill-options.ts";
import { LoadPacer } from "../src/engine/database/load-pacer.ts";
import { loadSignals } from "../src/engine/database/load-signals.ts";
import { hitless } from "../scripts/demo/command.ts";
import { startPostgres } from "../scripts/demo/postgres.ts";
import { freePort, Workspace } from "../scripts/demo/workspace.ts";
import { backfillIn, counting } from "../test/support/postgres/backfill.ts";
import { query } from "../test/support/postgres/server.ts";
import { OpenLoop } from "./backfill/open-loop.ts";
import { p99, plot, seconds, within, type Span, type Way } from "./backfill/plot.ts";
import { machine, writeSection } from "./page.ts";
import { median } from "./table.ts";

const TABLE = `CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL, note text, at timestamptz);
  INSERT INTO t SELECT i, 0, repeat('x', i % 90), now() - i * interval '1 second' FROM generate_series(1, 400000) i;
  CREATE INDEX ON t (at); ANALYZE t`;
const WAYS: readonly Way[] = ["none", "throttled", "full"];
const PLOT = new URL("../docs/backfill-latency.svg", import.meta.url);
/** A p99 of fewer answers is one answer's accident. */
const ENOUGH = 500;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "4" },
    seconds: { type: "string", default: "15" },
    rate: { type: "string", default: "200" },
    write: { type: "boolean", default: true },
    plot: { type: "string", default: fileURLToPath(PLOT) },
  },
});

const workspace = new Workspace();
const postgres = await startPostgres(workspace.database, await freePort());
const listen = `127.0.0.1:${String(await freePort())}`;
const env = {
  ...process.env,
  HITLESS_STATE: workspace.state,
  DATABASE_URL: postgres.url,
  SHOP_LISTEN: listen,
};
const run = (...args: readonly string[]): Promise<number> =>
  hitless(args, {
    directory: workspace.shop,
    env,
    onLine: (line) => {
      console.error(line);
    },
  });

/** Again and again until the time is over; what is cut is gone on with the next time. */
async function fillFor(ms: number, pacer: Pacer | null): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  while (!signal.aborted) {
    const more = pacer === null ? {} : { pacer: () => pacer };
    await backfillIn(postgres.url, counting(["id"]), { signal, ...more }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

async function measure(load: OpenLoop, pacer: Pacer): Promise<readonly Span[]> {
  const ms = Number(values.seconds) * 1_000;
  const spans: Span[] = [];
  await sleep(ms);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let turn = 0; turn < WAYS.length; turn++) {
      const way = WAYS[(round + turn) % WAYS.length]!;
      // What is left of the one before is not this one's.
      await sleep(2_000);
      const from = load.now;
      await (way === "none" ? sleep(ms) : fillFor(ms, way === "full" ? null : pacer));
      spans.push({ way, from, to: load.now });
      console.error(`${way}: p99 ${p99(within(load.answers, { from, to: load.now })).toFixed(1)} ms`);
    }
  }
  return spans;
}

function checkWhole(load: OpenLoop, spans: readonly Span[]): void {
  const poor = spans.filter((span) => within(load.answers, span).length < ENOUGH);
  if (load.failed === 0 && poor.length === 0) return;
  throw new Error(`not worth keeping: ${String(load.failed)} requests failed, ${String(poor.length)} spans with too few answers`);
}

function report(load: OpenLoop, spans: readonly Span[]): string {
  const all = spans.flatMap((span) => seconds(load.answers, span)).filter(({ ms }) => Number.isFinite(ms));
  const of = (way: Way): number => median(all.filter((second) => second.way === way).map(({ ms }) => ms));
  const [none, throttled, full] = [of("none"), of("throttled"), of("full")];
  const rise = (ms: number): string => `${Math.abs((ms / none - 1) * 100).toFixed(0)} % ${ms < none ? "less" : "more"}`;
  const held = throttled / none <= 1.1 ? "**" : "";
  return [
    "![p99 of each second with and without a backfill](backfill-latency.svg)",
    "",
    `p99 of a second ${none.toFixed(1)} ms without a backfill; ${throttled.toFixed(1)} ms with one and the throttle on: ${held}${rise(throttled)}${held} (≤ 10 % more);`,
    `${full.toFixed(1)} ms with one and the throttle off: ${rise(full)}. ${values.rate} requests a second, ${String(load.failed)} failed. Medians of the seconds of ${values.rounds} rounds of ${values.seconds} s.`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench:backfill-latency\`.`,
  ].join("\n");
}

try {
  workspace.writeRelease1();
  if ((await run("deploy")) !== 0) throw new Error("the shop could not be deployed");
  await query(postgres.url, TABLE);
  const load = new OpenLoop(`http://${listen}`, Number(values.rate));
  const lease = await postgresDatabase.lease(postgres.url, "signals");
  const traffic = new ProxyTraffic(workspace.state);
  const pacer = new LoadPacer(
    systemClock,
    loadSignals({
      app: "shop",
      clock: systemClock,
      traffic,
      http: nodeHttp,
      lease,
      table: "public.t",
      spec: DEFAULT_BACKFILL,
    }),
  );
  const spans = await measure(load, pacer);
  load.stop();
  await lease.close();
  const text = report(load, spans);
  console.log(text);
  checkWhole(load, spans);
  if (values.write || values.plot !== fileURLToPath(PLOT)) writeFileSync(values.plot, plot(load.answers, spans));
  if (values.write) writeSection("backfill-latency", text);
} finally {
  await run("down").catch(() => undefined);
  await postgres.stop();
  workspace.remove();
}
