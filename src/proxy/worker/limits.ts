/** Bounds of the data plane. Times in milliseconds, sizes in bytes. Defaults after the field's practice (docs/architecture.md, limits). */
export interface Limits {
  /** Request or response head, start line included. */
  readonly headBytesMax: number;
  readonly requestLineBytesMax: number;
  readonly headersMax: number;
  /** From a request's first byte to the end of its head; also from a new connection to its first byte. */
  readonly headTimeoutMs: number;
  /** From a connection's first byte to the end of its TLS handshake. */
  readonly tlsHandshakeMs: number;
  /** Without progress of a request body. */
  readonly bodyIdleMs: number;
  /** Bytes in a second that a request body brings on average at least, once the client was waited for so long. */
  readonly bodyRateMin: number;
  readonly bodyRateAfterMs: number;
  /** Without progress of a client (or an application) that should read. */
  readonly writeStallMs: number;
  readonly clientKeepAliveMs: number;
  readonly lingerIdleMs: number;
  readonly lingerMaxMs: number;
  /** Of an upload that nobody wants any more: reading it is cheap, and stopping earlier resets the connection and takes the answer with it. */
  readonly lingerBytesMax: number;
  readonly connectTimeoutMs: number;
  /** For all dial attempts of one request together. */
  readonly connectTotalMs: number;
  readonly betweenBytesMs: number;
  readonly tunnelIdleMs: number;
  /** An idle upstream connection is not used after this. Node applications close theirs at 5 s. */
  readonly upstreamIdleMs: number;
  /** A request that must not be repeated only goes on a connection that was idle for less than this. */
  readonly upstreamFreshMs: number;
  readonly upstreamIdleMax: number;
  /** Requests of one app that wait for a target, where the app sets no other number. */
  readonly heldRequestsMax: number;
  /** What has been read of them. */
  readonly heldBytesMax: number;
  readonly clientConnectionsMax: number;
  readonly leadingEmptyLinesMax: number;
  /** Chunk extensions of one body. */
  readonly chunkExtensionBytesMax: number;
  readonly trailerBytesMax: number;
  readonly http2StreamsMax: number;
  readonly http2StreamWindow: number;
  readonly http2ConnectionWindow: number;
  /** An idle HTTP/2 connection to an application is closed after this. */
  readonly http2IdleMs: number;
  /** When the worker ends, a client's connection gets its GOAWAY after so long without a request … */
  readonly http2QuietMs: number;
  /** … or, never being quiet, between two of them after this, and in the middle of them after twice as long. */
  readonly http2BusyMs: number;
  readonly tickMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  headBytesMax: 32_768,
  requestLineBytesMax: 16_384,
  headersMax: 128,
  headTimeoutMs: 10_000,
  tlsHandshakeMs: 10_000,
  bodyIdleMs: 60_000,
  bodyRateMin: 1_024,
  bodyRateAfterMs: 30_000,
  writeStallMs: 60_000,
  clientKeepAliveMs: 75_000,
  lingerIdleMs: 2_000,
  lingerMaxMs: 10_000,
  lingerBytesMax: 16_777_216,
  connectTimeoutMs: 2_000,
  connectTotalMs: 5_000,
  betweenBytesMs: 300_000,
  tunnelIdleMs: 3_600_000,
  upstreamIdleMs: 4_000,
  upstreamFreshMs: 1_000,
  upstreamIdleMax: 256,
  heldRequestsMax: 10_000,
  heldBytesMax: 67_108_864,
  clientConnectionsMax: 20_000,
  leadingEmptyLinesMax: 4,
  chunkExtensionBytesMax: 16_384,
  trailerBytesMax: 8_192,
  http2StreamsMax: 100,
  http2StreamWindow: 262_144,
  http2ConnectionWindow: 1_048_576,
  http2IdleMs: 60_000,
  http2QuietMs: 1_000,
  http2BusyMs: 5_000,
  tickMs: 250,
};
