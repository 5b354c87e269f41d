/** What one batch walks over: rows of a key, or pages of a table without one. */
export type Unit = "rows" | "pages";

interface Bounds {
  readonly first: number;
  readonly least: number;
  readonly most: number;
}

const BOUNDS: Readonly<Record<Unit, Bounds>> = {
  rows: { first: 500, least: 50, most: 100_000 },
  pages: { first: 16, least: 1, most: 8_192 },
};
/** The weight of the newest batch. */
const NEWEST = 0.4;
/** A batch may be this many times as large as the one before: what comes may be slower than what was seen. */
const GROWTH = 3;

/** How large the next batch is, steered by what the ones before took (an exponentially weighted mean). */
export interface BatchSize {
  readonly unit: Unit;
  readonly size: number;
  /** Milliseconds per row or page; null before the first batch. */
  readonly cost: number | null;
  /** A row that fails is known to be among so many that come next; 0: nothing is known of any. */
  readonly suspects: number;
}

export function firstSize(unit: Unit): BatchSize {
  return { unit, size: BOUNDS[unit].first, cost: null, suspects: 0 };
}

/** After a batch of that size which took so long. What became dearer counts at once, what became cheaper bit by bit. */
export function nextSize({ unit, size, cost, suspects }: BatchSize, tookMs: number, targetMs: number): BatchSize {
  const seen = Math.max(tookMs, 0.01) / size;
  const mean = cost === null || seen > 2 * cost ? seen : cost + NEWEST * (seen - cost);
  const left = Math.max(0, suspects - size);
  const wanted = Math.min(size * GROWTH, targetMs / mean, left === 0 ? Infinity : left / 2);
  return { unit, size: within(unit, wanted), cost: mean, suspects: left };
}

/** After a batch in which a row failed: it is looked for in the first half, then in the second. `rest`: of the range before it, what the batch was about, too. */
export function halved({ unit, size, cost }: BatchSize, rest?: { readonly size: number }): BatchSize {
  return { unit, size: within(unit, size / 2), cost, suspects: size + (rest?.size ?? 0) };
}

/** After the rows of a range were tried one by one: how long that took says nothing. */
export function sifted({ unit, size, cost }: BatchSize): BatchSize {
  return { unit, size: within(unit, size * GROWTH), cost, suspects: 0 };
}

/** As small as a range is made before its rows are tried one by one. */
export function isSmallest({ unit, size }: BatchSize): boolean {
  return size <= BOUNDS[unit].least;
}

function within(unit: Unit, size: number): number {
  const { least, most } = BOUNDS[unit];
  return Math.min(most, Math.max(least, Math.round(size)));
}
