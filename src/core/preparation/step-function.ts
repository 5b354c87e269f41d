/** What a `.ts` or `.js` step is given. `C` is what it keeps, as JSON. */
export interface StepContext<C = unknown> {
  /** What an earlier attempt saved last; undefined: there was none. */
  readonly checkpoint: C | undefined;
  /**
   * Keeps where the work stands, on disk, and how far it is; then waits for as long as the step is throttled. Rejects, with everything kept, when the
   * step is to end: let that through, the next attempt goes on from there. Call it every second or so.
   */
  save(checkpoint: C, progress?: { readonly done: number; readonly total?: number }): Promise<void>;
  /** Aborted when the step is to end: five seconds later it is ended by force. */
  readonly signal: AbortSignal;
}

/** The `run` that such a file exports. It may be begun again at any time, from its last checkpoint. */
export type StepFunction<C = unknown> = (context: StepContext<C>) => Promise<void>;
