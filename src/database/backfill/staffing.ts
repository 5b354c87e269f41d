/** A worker more must bring at least so much, or it only takes from the others. */
const WORTH = 1.15;
/** Batches after a change that still show what was before it. */
const SETTLING = 2;
const MEASURED = 4;

/** How many workers walk at the same time: one more is tried, and kept if the rows per second say so. */
export interface Staffing {
  readonly most: number;
  readonly workers: number;
  /** No further trial. */
  readonly settled: boolean;
  /** Rows per millisecond with one worker less; null with the first. */
  readonly before: number | null;
  readonly batches: number;
  readonly rows: number;
  readonly since: number;
}

/** A batch that was done at full speed. */
export interface Sight {
  readonly at: number;
  readonly rows: number;
}

export function staffed(most: number, at: number): Staffing {
  return { most, workers: 1, settled: most <= 1, before: null, batches: 0, rows: 0, since: at };
}

export function seen(staffing: Staffing, { at, rows }: Sight): Staffing {
  if (staffing.settled) return staffing;
  const batches = staffing.batches + 1;
  const settling = SETTLING * staffing.workers;
  if (batches <= settling) return { ...staffing, batches, rows: 0, since: at };
  const counted = { ...staffing, batches, rows: staffing.rows + rows };
  if (batches < settling + MEASURED * staffing.workers) return counted;
  return judged(counted, counted.rows / Math.max(1, at - counted.since));
}

/** After a slow stretch nothing that was measured counts. */
export function restarted(staffing: Staffing, at: number): Staffing {
  return staffing.settled ? staffing : { ...staffing, batches: 0, rows: 0, since: at };
}

function judged(staffing: Staffing, rate: number): Staffing {
  const fresh = { ...staffing, batches: 0, rows: 0 };
  if (staffing.before !== null && rate < WORTH * staffing.before)
    return { ...fresh, workers: staffing.workers - 1, settled: true };
  if (staffing.workers >= staffing.most) return { ...fresh, settled: true };
  return { ...fresh, workers: staffing.workers + 1, before: rate };
}
