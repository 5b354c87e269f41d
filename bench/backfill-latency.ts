/**
 * `npm run bench:backfill-latency`: what users of the example shop feel of a backfill in its database, with the throttle and without it, in turn in one
 * run, twice without a backfill, to see how far two that should be alike lie apart. The plot goes into docs/backfill-latency.svg (or where `--plot` says), the figures into docs/benchmarks.md (not with `--no-write`). A run in
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
import { Workspace } from "../scripts/demo/workspace.ts";
import { freePort } from "../test/support/free-port.ts";
import { backfillIn, counting } from "../test/support/postgres/backfill.ts";
import { query, startServer } from "../test/support/postgres/server.ts";
import { Load } from "./backfill/load.ts";
import type { LoadAnswers } from "./backfill/load-thread.ts";
import { now } from "./backfill/open-loop.ts";
import { plot, seconds, within, type Span, type Way } from "./backfill/plot.ts";
import { machine, writeSection } from "./page.ts";
import { median } from "./table.ts";

const TABLE = `CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL, note text, at timestamptz)
    WITH (autovacuum_enabled = off);
  INSERT INTO t SELECT i, 0, repeat('x', i % 90), now() - i * interval '1 second' FROM generate_series(1, 400000) i;
  CREATE INDEX ON t (at); ANALYZE t`;
/** What a way leaves behind is put in order before the next one begins, and not by whoever comes next. */
const TIDY = "VACUUM t; CHECKPOINT";
const WAYS: readonly Way[] = ["none", "throttled", "again", "full"];
/** After a checkpoint each page that is changed first goes whole into the log: users feel that for some seconds, whatever comes then. */
const SETTLING_MS = 8_000;
const PLOT = new URL("../docs/backfill-latency.svg", import.meta.url);
/** A p99 of fewer answers is one answer's accident. */
const ENOUGH = 500;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: "string", default: "4" },
    seconds: { type: "string", default: "9" },
    rate: { type: "string", default: "300" },
    write: { type: "boolean", default: true },
    plot: { type: "string", default: fileURLToPath(PLOT) },
  },
});

const workspace = new Workspace();
const postgres = await startServer(18, ["fsync=on"]);
const url = await postgres.database();
const listen = `127.0.0.1:${String(await freePort())}`;
const env = {
  ...process.env,
  HITLESS_STATE: workspace.state,
  DATABASE_URL: url,
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

/** Again and again until the time is over; what is cut is gone on with the next time. Gives how many rows it looked at. */
async function fillFor(ms: number, pacer: Pacer | null): Promise<number> {
  const signal = AbortSignal.timeout(ms);
  let rows = 0;
  while (!signal.aborted) {
    const more = pacer === null ? {} : { pacer: () => pacer };
    let last: number | null = null;
    const onProgress = ({ walked }: { readonly walked: number }): void => {
      rows += walked - (last ?? walked);
      last = walked;
    };
    await backfillIn(url, counting(["id"]), { signal, onProgress, ...more }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
  return rows;
}

async function measure(pacer: Pacer): Promise<readonly Span[]> {
  const ms = Number(values.seconds) * 1_000;
  const spans: Span[] = [];
  await sleep(ms);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let turn = 0; turn < WAYS.length; turn++) {
      const way = WAYS[(round + turn) % WAYS.length]!;
      for (const statement of TIDY.split("; ")) await query(url, statement);
      await sleep(SETTLING_MS);
      const from = now();
      const fills = way === "throttled" || way === "full";
      const rows = fills ? await fillFor(ms, way === "full" ? null : pacer) : await sleep(ms, 0);
      spans.push({ way, from, to: now(), rows });
      console.error(`${way}: ${(rows / ms).toFixed(1)}k rows a second`);
    }
  }
  return spans;
}

function checkWhole({ answers, failed }: LoadAnswers, spans: readonly Span[]): void {
  const poor = spans.filter((span) => within(answers, span).length < ENOUGH);
  if (failed === 0 && poor.length === 0) return;
  throw new Error(`not worth keeping: ${String(failed)} requests failed, ${String(poor.length)} spans with too few answers`);
}

function report({ answers, failed }: LoadAnswers, spans: readonly Span[]): string {
  const all = spans.flatMap((span) => seconds(answers, span)).filter(({ ms }) => Number.isFinite(ms));
  const of = (...ways: readonly Way[]): number => median(all.filter(({ way }) => ways.includes(way)).map(({ ms }) => ms));
  const usual = of("none", "again");
  const pooled = (...ways: readonly Way[]): string => {
    const ms = spans.filter(({ way }) => ways.includes(way)).flatMap((span) => within(answers, span).map((answer) => answer.ms));
    return `${ms.sort((one, other) => one - other)[Math.floor(ms.length * 0.99)]!.toFixed(1)} ms`;
  };
  const rise = (ms: number, to = usual): string => `${((ms / to - 1) * 100).toFixed(0)} %`;
  const rate = (way: Way): number => {
    const own = spans.filter((span) => span.way === way);
    return own.reduce((sum, { rows }) => sum + rows, 0) / own.reduce((sum, { from, to }) => sum + (to - from) / 1_000, 0);
  };
  const rows = (way: Way): string => `${(rate(way) / 1_000).toFixed(1)}k`;
  const within10 = of("throttled") / usual <= 1.1 ? "**" : "";
  return [
    "![p99 of each second with and without a backfill](backfill-latency.svg)",
    "",
    "|                        | p99 of a second |  rise | p99 of all | rows a second |",
    "| ---------------------- | --------------: | ----: | ---------: | ------------: |",
    `| no backfill            | ${usual.toFixed(1)} ms (${of("none").toFixed(1)} and ${of("again").toFixed(1)}) | – | ${pooled("none", "again")} | – |`,
    `| backfill, throttle on  | ${of("throttled").toFixed(1)} ms | ${within10}${rise(of("throttled"))}${within10} (≤ 10 %) | ${pooled("throttled")} | ${rows("throttled")} (${((rate("throttled") / rate("full")) * 100).toFixed(0)} %) |`,
    `| backfill, throttle off | ${of("full").toFixed(1)} ms | ${rise(of("full"))} | ${pooled("full")} | ${rows("full")} |`,
    "",
    `Medians of the seconds of ${values.rounds} rounds of ${values.seconds} s; ${values.rate} requests a second, ${String(failed)} failed. Database (fsync on), shop, proxy and load share the machine:`,
    `${machine()}. ${new Date().toISOString().slice(0, 10)}, \`npm run bench:backfill-latency\`.`,
  ].join("\n");
}

try {
  workspace.writeRelease1();
  if ((await run("deploy")) !== 0) throw new Error("the shop could not be deployed");
  await query(url, TABLE);
  const load = new Load({ url: `http://${listen}`, rate: Number(values.rate) });
  const lease = await postgresDatabase.lease(url, "signals");
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
      felt: new Map(),
      spec: DEFAULT_BACKFILL,
    }),
  );
  const spans = await measure(pacer);
  const found = await load.stop();
  await lease.close();
  const text = report(found, spans);
  console.log(text);
  checkWhole(found, spans);
  if (values.write || values.plot !== fileURLToPath(PLOT)) writeFileSync(values.plot, plot(found.answers, spans));
  if (values.write) writeSection("backfill-latency", text);
} finally {
  await run("down").catch(() => undefined);
  await postgres.stop();
  workspace.remove();
}
