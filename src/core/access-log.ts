/** How the requests of an app are written down, line by line. */
export interface AccessLogSpec {
  readonly format: AccessLogFormat;
  /** Absolute, or `stdout`: the log of the proxy itself. */
  readonly path: string;
  /** The share of requests that is written, 0..1. */
  readonly sample: number;
  /** With the query of the target; it often holds what should not be in a log. */
  readonly query: boolean;
}

export const ACCESS_LOG_FORMATS = ["json", "combined"] as const;
export type AccessLogFormat = (typeof ACCESS_LOG_FORMATS)[number];
