import type { BackfillProgress } from "../../database/backfill/progress.ts";

/** How fast a backfill may go at the moment, and why not faster. */
export interface Pace {
  /** The share of the time in which it may work, 0 (not now) to 1. */
  readonly speed: number;
  /** The same, for what is nearly over; none: `speed`. */
  readonly briefSpeed?: number | undefined;
  /** In a few words; null at full speed. */
  readonly reason: string | null;
  /** Of the time that a batch should take, for the load's sake; none: all of it. */
  readonly batchShare?: number | undefined;
}

/** Asked before each batch; it answers at once, from what it has seen. */
export interface Pacer {
  pace(signal: AbortSignal): Promise<Pace>;
}

/** How one backfill is run. All of it may change while it runs: nothing of it is in what is journaled. */
export interface BackfillOptions {
  /** Ends it after the batch that runs; the next run goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Of the time, 0 (pause) to 100, as the operator says; asked before each batch. */
  readonly throttlePercent?: (() => number) | undefined;
  /** What the load allows, for a backfill of that table; none: full speed. */
  readonly pacer?: ((table: string) => Pacer) | undefined;
  /** After each batch, and when a pause gets a reason. */
  readonly onProgress?: ((progress: BackfillProgress) => void) | undefined;
  /** The most connections that walk at the same time. */
  readonly workers?: number | undefined;
  /** What a batch should take, in milliseconds. */
  readonly batchMs?: number | undefined;
}

export const DEFAULT_WORKERS = 2;
export const DEFAULT_BATCH_MS = 150;
