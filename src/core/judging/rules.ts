/** What one release may be worse than the other before it is judged. Shares are fractions, times milliseconds. */
export interface CompareRules {
  /** Requests of each release, in the same time, under which nothing is said. */
  readonly minRequests: number;
  /** The chance of blaming a release that is no worse, over the whole task however often it is looked at. */
  readonly alpha: number;
  /** The new error share may be so much above the old one. */
  readonly errorMargin: number;
  /** The new median and the new p99 may be so many times the old ones; null: not compared. */
  readonly maxSlowdown: number | null;
  /** Slower by less than this never counts: a p99 of 2 ms against 1 ms hurts nobody. */
  readonly slowdownFloorMs: number;
}

export const DEFAULT_COMPARE_RULES: CompareRules = Object.freeze({
  minRequests: 50,
  alpha: 0.004,
  errorMargin: 0.005,
  maxSlowdown: 1.5,
  slowdownFloorMs: 5,
});

/**
 * Of the default gate, which nobody has asked for: so it blames less readily, and errors only. Instances that have just been started are slow
 * at first, which says nothing of the release.
 */
export const WATCH_RULES: CompareRules = Object.freeze({
  minRequests: 20,
  alpha: 0.001,
  errorMargin: 0.01,
  maxSlowdown: null,
  slowdownFloorMs: 5,
});
