/** What becomes of an app's WebSockets when their instance is replaced. */
export interface WebSocketSpec {
  /** They go on so long after the beginning of a drain; less where the drain's limit comes sooner. */
  readonly graceMs: number;
  /** Their closing is spread over so long, that their clients do not come back all at once. */
  readonly spreadMs: number;
  /** An old release may keep them so long, beyond the limit that its requests have. */
  readonly lingerMs: number;
  readonly closeCode: CloseCode;
}

/** 1001: going away (RFC 6455 section 7.4.1); 1012: service restart (IANA's registry of close codes). */
export const CLOSE_CODES = [1012, 1001] as const;
export type CloseCode = (typeof CLOSE_CODES)[number];

export const DEFAULT_WEBSOCKETS: WebSocketSpec = Object.freeze({
  graceMs: 10_000,
  spreadMs: 5_000,
  lingerMs: 0,
  closeCode: 1012,
});

/** Who was sent a close frame has so long to answer it. */
export const CLOSING_MS = 2_000;

/** The limit of a drain for tunnels: that of the requests, or what the lingering WebSockets need. */
export function tunnelLimitMs({ lingerMs, spreadMs }: WebSocketSpec, requestLimitMs: number): number {
  return lingerMs === 0 ? requestLimitMs : Math.max(requestLimitMs, lingerMs + spreadMs + CLOSING_MS);
}

interface ClosingTimes {
  readonly graceMs: number;
  readonly spreadMs: number;
  readonly lingerMs?: number | undefined;
}

/** When close frames are sent (or event streams ended), from the first to the last, in milliseconds after the beginning of a drain. */
export interface ClosingWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** All is over within the limit: where that is too near, first the grace is shortened, then the spread. */
export function closingWindow({ graceMs, spreadMs, lingerMs = 0 }: ClosingTimes, limitMs: number): ClosingWindow {
  const last = Math.max(0, limitMs - CLOSING_MS);
  const fromMs = Math.min(Math.max(graceMs, lingerMs), Math.max(0, last - spreadMs));
  return { fromMs, toMs: Math.min(fromMs + spreadMs, last) };
}
