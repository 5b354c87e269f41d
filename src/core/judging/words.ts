import { errorShare, quantileMs, type Sample } from "./sample.ts";

export function figuresOf(old: Sample, fresh: Sample): Readonly<Record<string, number>> {
  return { ...named("old", old), ...named("new", fresh) };
}

export function summaryOf(old: Sample, fresh: Sample): string {
  const p99 = (sample: Sample): string => `${(quantileMs(sample, 0.99) ?? 0).toFixed(1)} ms`;
  return (
    `${percent(errorShare(fresh))} of ${String(fresh.requests)} requests failed, of the old release ${percent(errorShare(old))} of ` +
    `${String(old.requests)}; p99 ${p99(fresh)} against ${p99(old)}`
  );
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value === 0 || value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

function named(side: "old" | "new", sample: Sample): Record<string, number> {
  const [p50, p99] = [quantileMs(sample, 0.5), quantileMs(sample, 0.99)];
  return {
    [`${side}Requests`]: sample.requests,
    [`${side}Errors`]: sample.errors,
    ...(p50 === null ? {} : { [`${side}P50Ms`]: p50 }),
    ...(p99 === null ? {} : { [`${side}P99Ms`]: p99 }),
  };
}
