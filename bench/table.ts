import type { Contender, Sample } from "./rounds.ts";
import type { Work } from "./works/work.ts";

const OURS = "Hitless";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One line for each kind of work: everybody's median, and ours as a multiple of each peer's beside the target. */
export function markdownTable(
  works: readonly Work[],
  contenders: readonly Pick<Contender, "name">[],
  samples: readonly Sample[],
): string {
  const names = contenders.map(({ name }) => name);
  const peers = names.filter((name) => name !== OURS);
  const head = ["work", ...names.map((name) => `${name} µs`), ...peers.map((name) => `to ${name}`)];
  const lines = works.map((work) => {
    const own = samples.filter((sample) => sample.work === work.name);
    const of = (name: string): number => median(own.filter((sample) => sample.name === name).map(({ cpuUs }) => cpuUs));
    const cost = names.map((name) => `${of(name).toFixed(1)} (${rangeOf(own, name)})`);
    const ratios = peers.map((name) => ratio(of(OURS) / of(name), work.targets[name]));
    return [`${work.title}, per ${work.unit}`, ...cost, ...(names.includes(OURS) ? ratios : peers.map(() => "–"))];
  });
  return [head, ["---", ...head.slice(1).map(() => "---:")], ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function rangeOf(samples: readonly Sample[], name: string): string {
  const cpu = samples.filter((sample) => sample.name === name).map(({ cpuUs }) => cpuUs);
  return `${Math.min(...cpu).toFixed(1)}–${Math.max(...cpu).toFixed(1)}`;
}

function ratio(value: number, target: number | undefined): string {
  const text = `${value.toFixed(2)} ×`;
  if (target === undefined) return text;
  return value <= target ? `**${text}** (≤ ${String(target)})` : `${text} (target ${String(target)})`;
}
