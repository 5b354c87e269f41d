import type { Contender, Sample } from "./rounds.ts";

/** To which everybody is compared. */
const YARDSTICK = "HAProxy";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One line for each contender with its medians, cheapest first; the missing ones are named. */
export function markdownTable(
  contenders: readonly Pick<Contender, "name" | "version">[],
  samples: readonly Sample[],
  missing: readonly string[],
): string {
  const rows = contenders
    .map(({ name, version }) => ({ name, version, ...mediansOf(samples.filter((sample) => sample.name === name)) }))
    .toSorted((a, b) => a.cpuUs - b.cpuUs);
  const yardstick = rows.find(({ name }) => name === YARDSTICK)?.cpuUs ?? null;
  const lines = rows.map((row) => {
    const ratio = yardstick === null ? "–" : `${(row.cpuUs / yardstick).toFixed(2)} ×`;
    const speed = Math.round(row.requestsPerSecond / 100) * 100;
    const cells = [`${row.name} ${row.version}`, `${row.cpuUs.toFixed(1)} (${row.range})`, ratio, String(speed)];
    return `| ${[...cells, row.p50.toFixed(2), row.p99.toFixed(2)].join(" | ")} |`;
  });
  return [
    `| proxy | CPU µs per request (lowest–highest round) | to ${YARDSTICK} | requests/s | p50 ms | p99 ms |`,
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
    ...missing.map((name) => `| ${name} | not installed | – | – | – | – |`),
  ].join("\n");
}

interface Medians extends Omit<Sample, "name"> {
  readonly range: string;
}

function mediansOf(samples: readonly Sample[]): Medians {
  const of = (key: Exclude<keyof Sample, "name">): number => median(samples.map((sample) => sample[key]));
  const cpu = samples.map((sample) => sample.cpuUs);
  return {
    cpuUs: of("cpuUs"),
    range: `${Math.min(...cpu).toFixed(1)}–${Math.max(...cpu).toFixed(1)}`,
    requestsPerSecond: of("requestsPerSecond"),
    p50: of("p50"),
    p99: of("p99"),
  };
}
