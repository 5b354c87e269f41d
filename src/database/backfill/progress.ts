/** How far a backfill is, for people and for the record. */
export interface BackfillProgress {
  /** Rows that were changed, by earlier runs too. */
  readonly rows: number;
  /** Rows that were looked at, of `total`. */
  readonly walked: number;
  /** As estimated when it began, or what was seen, if that is more. */
  readonly total: number;
  /** Rows looked at per second, pauses included; null before there is anything to say. */
  readonly rowsPerSecond: number | null;
  readonly etaMs: number | null;
  /** Why it is slower than it could be; null: it is not. */
  readonly slow: string | null;
}

/** A mean over about so long. */
const MEMORY_MS = 10_000;

/** The speed of the last seconds. */
export interface Rate {
  readonly at: number;
  readonly walked: number;
  /** Rows per millisecond. */
  readonly mean: number | null;
}

export function rateFrom(at: number, walked: number): Rate {
  return { at, walked, mean: null };
}

export function nextRate(rate: Rate, at: number, walked: number): Rate {
  const passed = at - rate.at;
  if (passed <= 0) return rate;
  const now = Math.max(0, walked - rate.walked) / passed;
  const weight = 1 - Math.exp(-passed / MEMORY_MS);
  return { at, walked, mean: rate.mean === null ? now : rate.mean + weight * (now - rate.mean) };
}

export function progressOf(
  { mean, walked }: Rate,
  { rows, total, slow }: Pick<BackfillProgress, "rows" | "total" | "slow">,
): BackfillProgress {
  const whole = Math.max(total, walked);
  return {
    rows,
    walked,
    total: whole,
    rowsPerSecond: mean === null ? null : Math.round(mean * 1_000),
    etaMs: mean === null || mean === 0 ? null : Math.round((whole - walked) / mean),
    slow,
  };
}
