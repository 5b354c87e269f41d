import type { Batch } from "./app-spec.ts";

/** What happens to one process type in one batch. */
export interface BatchMove {
  /** New instances. */
  readonly start: number;
  /** Old ones that are left then. */
  readonly keep: number;
}

export interface BatchRules {
  readonly wanted: number;
  readonly old: number;
  /** How many old ones there should be: those that are missing just now are no leave to take away more. */
  readonly due: number;
  /** At most so many new ones at a time. */
  readonly size: number;
  /** So many more than there should be, at most. */
  readonly surge: number;
  /** So many fewer, at most. */
  readonly unavailable: number;
}

/**
 * As much in each batch as the bounds allow: first new ones up to the surge, then old ones away down to what must be left. Where neither bound
 * leaves room for anything one more is started all the same.
 */
export function boundedMoves({ wanted, old, due, size, surge, unavailable }: BatchRules): readonly BatchMove[] {
  const most = Math.max(wanted, old) + surge;
  const least = Math.min(wanted, Math.max(old, due)) - unavailable;
  const moves: BatchMove[] = [];
  let [come, left] = [0, old];
  while (come < wanted || left > 0) {
    const room = Math.min(wanted - come, size, Math.max(0, most - left - come));
    const spare = Math.max(0, left + come + room - least);
    const start = room === 0 && spare === 0 ? 1 : room;
    come += start;
    left = come === wanted ? 0 : left - Math.min(left, Math.max(0, left + come - least));
    moves.push({ start, keep: left });
  }
  return moves;
}

/** As many new ones as the batch says, then the old ones in the proportion in which new ones have come, rounded down: never more than were replaced. */
export function evenMoves({ wanted, old, size }: BatchRules): readonly BatchMove[] {
  const batches = Math.ceil(wanted / size);
  return Array.from({ length: batches }, (_, index) => {
    const come = Math.min(wanted, (index + 1) * size);
    return { start: come - Math.min(wanted, index * size), keep: old - Math.floor((old * come) / wanted) };
  });
}

/** The number of instances that a bound or a batch stands for; percentages are rounded up. */
export function countOf(batch: Batch, instances: number): number {
  return batch.kind === "count" ? batch.count : Math.ceil((instances * batch.percent) / 100);
}
