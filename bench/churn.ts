import type { RouteTable } from "../src/core/routes.ts";
import { ProxyTraffic } from "../src/adapters/proxy/traffic.ts";
import { median } from "./table.ts";
import { wrk, type LoadOptions } from "./wrk.ts";

const TARGETS = 1_000;
const TABLES_PER_SECOND = 50;
const CONNECTIONS = 32;

interface Churn {
  /** The state directory of the proxy, and the table it serves. */
  readonly directory: string;
  readonly table: RouteTable;
  readonly rounds: number;
  readonly load: Pick<LoadOptions, "directory" | "core" | "origin" | "seconds">;
}

/** The 99th percentile while a table of 1,000 targets is replaced 50 times a second, beside the same load without that. */
export async function churnReport({ directory, table, rounds, load }: Churn): Promise<string> {
  const traffic = new ProxyTraffic(directory);
  const large = largeTable(table);
  let revision = table.revision;
  const apply = async (): Promise<void> => {
    revision += 1;
    await traffic.apply({ ...large, revision });
  };
  await apply();
  const still: number[] = [];
  const churned: number[] = [];
  let applied = 0;
  for (let round = 0; round < rounds; round += 1) {
    still.push((await wrk({ ...load, connections: CONNECTIONS })).p99);
    const stop = new AbortController();
    const done = everyTick(stop.signal, apply);
    churned.push((await wrk({ ...load, connections: CONNECTIONS })).p99);
    stop.abort();
    applied += await done;
  }
  await traffic.apply({ ...table, revision: revision + 1 });
  const perSecond = applied / (rounds * load.seconds);
  const [before, during] = [median(still), median(churned)];
  return (
    `p99 of 32 connections with a table of ${TARGETS} targets: ${before.toFixed(2)} ms at rest, ${during.toFixed(2)} ms while ` +
    `${perSecond.toFixed(0)} tables a second are applied: ${(during / before).toFixed(2)} × (target 1.1).`
  );
}

function largeTable(table: RouteTable): RouteTable {
  const [pool] = table.pools;
  const [target] = pool?.targets ?? [];
  if (pool === undefined || target === undefined) throw new Error("the table has no target");
  const targets = Array.from({ length: TARGETS }, (_, index) => ({ ...target, instance: `web.r1.${index + 1}` }));
  return { ...table, pools: [{ ...pool, targets }] };
}

/** Gives how many were applied. The next one waits for the one before, as the daemon does. */
async function everyTick(signal: AbortSignal, apply: () => Promise<void>): Promise<number> {
  let count = 0;
  let at = performance.now();
  while (!signal.aborted) {
    await apply();
    count += 1;
    at = Math.max(at + 1_000 / TABLES_PER_SECOND, performance.now() - 1_000 / TABLES_PER_SECOND);
    const wait = at - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return count;
}
