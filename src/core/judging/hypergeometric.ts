/** Logarithms of the weights (of any scale) of `from`, `from + 1` … events in the new group. */
export interface Law {
  readonly from: number;
  readonly logs: readonly number[];
}

/** How so many events fall on the new one of two groups when the group makes no difference. */
export function hypergeometric(old: number, fresh: number, events: number): Law {
  const from = Math.max(0, events - old);
  const to = Math.min(events, fresh);
  const logs = [0];
  for (let count = from; count < to; count += 1) {
    const ratio = ((events - count) * (fresh - count)) / ((count + 1) * (old - events + count + 1));
    logs.push((logs[count - from] ?? 0) + Math.log(ratio));
  }
  return { from, logs };
}

/** The logarithm of a sum of what these are the logarithms of. */
export function logSum(logs: readonly number[]): number {
  const most = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
}
