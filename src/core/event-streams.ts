/** What becomes of an app's event streams (server-sent events) when their instance is replaced. */
export interface EventStreamSpec {
  /** They go on so long after the beginning of a drain; less where the drain's limit comes sooner. */
  readonly graceMs: number;
  /** Their ends are spread over so long, that their clients do not come back all at once. */
  readonly spreadMs: number;
}

export const DEFAULT_EVENT_STREAMS: EventStreamSpec = Object.freeze({ graceMs: 10_000, spreadMs: 5_000 });
