/** What `hitless sessions` shows of an app's session store. */
export interface SessionsStatus {
  readonly app: string;
  /** Its URL without a password. */
  readonly store: string;
  /** True: the daemon runs it. */
  readonly ours: boolean;
  readonly count: number;
  /** Commands in a second; null where the store does not count them. */
  readonly ratePerSecond: number | null;
  readonly memoryBytes: number | null;
  /** For how long the session that was used least lately has not been used. */
  readonly oldestMs: number | null;
  /** Of so many sessions: which release wrote them last; null where that is not known. */
  readonly looked: number;
  readonly byRelease: readonly { readonly release: string | null; readonly count: number }[];
}
