import { output } from "./output.ts";
import type { LoadOptions, LoadResult } from "./wrk.ts";

const STREAMS = 32;

/** Runs h2load with one thread and 32 requests at a time on each connection. @throws when any request failed */
export async function h2load({ core, origin, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const args = ["h2load", "-t1", `-c${connections}`, `-m${STREAMS}`, `--duration=${seconds}`, `${origin}/articles/1?page=2`];
  const text = await output("taskset", ["--cpu-list", String(core), ...args]);
  const rate = Number(/finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(text)?.[1]);
  const counts = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed/.exec(text)?.slice(1).map(Number);
  const [done = 0, succeeded = 0, failed = 0] = counts ?? [];
  if (!(rate > 0) || failed > 0 || succeeded < done || done === 0) throw new Error(`h2load did not succeed:\n${text}`);
  return { requests: done, requestsPerSecond: rate, p50: 0, p99: 0 };
}
