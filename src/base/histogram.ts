/**
 * A latency histogram with buckets that grow by 1/16 of a power of two: any quantile read from it is at most 6.25 % above the true value.
 * Plain arrays of counts, so that workers can send deltas and anyone can add or subtract them.
 */
const STEPS = 16;
const STEP_BITS = 4;

/** Sparse wire shape: `[bucket, count]` pairs, ascending. The unit of a recorded value is the microsecond. */
export type HistogramData = readonly (readonly [bucket: number, count: number])[];

/** The bucket for a duration in microseconds (values below 16 have a bucket of their own). */
export function bucketOf(us: number): number {
  const value = us < 0 ? 0 : us > 0x7fffffff ? 0x7fffffff : us | 0;
  if (value < STEPS) return value;
  const exponent = 31 - Math.clz32(value);
  return ((exponent - STEP_BITS + 1) << STEP_BITS) + ((value >>> (exponent - STEP_BITS)) & (STEPS - 1));
}

/** The largest value (microseconds) that falls into the bucket. */
export function bucketLimit(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const exponent = (bucket >>> STEP_BITS) + STEP_BITS - 1;
  return (STEPS + (bucket & (STEPS - 1)) + 1) * 2 ** (exponent - STEP_BITS) - 1;
}

export function addHistograms(a: HistogramData, b: HistogramData): HistogramData {
  return combine(a, b, 1);
}

/** `a - b`, for the part of a cumulative histogram that came after `b`. */
export function subtractHistograms(a: HistogramData, b: HistogramData): HistogramData {
  return combine(a, b, -1);
}

/** The q-quantile (0..1) in microseconds, or null without any value. */
export function quantile(data: HistogramData, q: number): number | null {
  const total = countOf(data);
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, count] of data) {
    seen += count;
    if (seen >= q * total) return bucketLimit(bucket);
  }
  return null;
}

/** As `quantile`, but between the limits of its bucket, as if what is in it were spread evenly: so that small changes show. */
export function fineQuantile(data: HistogramData, q: number): number | null {
  const total = countOf(data);
  let seen = 0;
  for (const [bucket, count] of data) {
    if (total > 0 && seen + count >= q * total) return below(bucket) + ((q * total - seen) / count) * widthOf(bucket);
    seen += count;
  }
  return null;
}

/** How many values are larger, by the same reckoning as `fineQuantile`. */
export function countAbove(data: HistogramData, us: number): number {
  const shareOf = (bucket: number): number => Math.min(1, Math.max(0, (bucketLimit(bucket) - us) / widthOf(bucket)));
  return data.reduce((sum, [bucket, count]) => sum + count * shareOf(bucket), 0);
}

/** Each count times the factor: what is older may count less. */
export function scaleHistogram(data: HistogramData, factor: number): HistogramData {
  return data.map(([bucket, count]) => [bucket, count * factor]);
}

export function countOf(data: HistogramData): number {
  return data.reduce((sum, [, count]) => sum + count, 0);
}

function below(bucket: number): number {
  return bucket === 0 ? -1 : bucketLimit(bucket - 1);
}

function widthOf(bucket: number): number {
  return bucketLimit(bucket) - below(bucket);
}

function combine(a: HistogramData, b: HistogramData, sign: 1 | -1): HistogramData {
  const merged: (readonly [bucket: number, count: number])[] = [];
  let [atA, atB] = [0, 0];
  for (let [ofA, ofB] = [a[0], b[0]]; ofA !== undefined || ofB !== undefined; [ofA, ofB] = [a[atA], b[atB]]) {
    const bucket = Math.min(ofA?.[0] ?? Infinity, ofB?.[0] ?? Infinity);
    let count = 0;
    if (ofA?.[0] === bucket) {
      count += ofA[1];
      atA += 1;
    }
    if (ofB?.[0] === bucket) {
      count += sign * ofB[1];
      atB += 1;
    }
    if (count !== 0) merged.push(ofA?.[0] === bucket && count === ofA[1] ? ofA : [bucket, count]);
  }
  return merged;
}
