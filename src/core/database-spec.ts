/** What the configuration says of the app's database. The URL itself is in the environment of its processes. */
export interface DatabaseSpec {
  /** The variable that holds the URL. */
  readonly variable: string;
  /** Directories in the release; null: there is none. */
  readonly migrations: string | null;
  readonly procedures: string | null;
  /** For how long after its deployment a release may still be gone back from; then the contract. */
  readonly contractAfterMs: number;
  /** What one try for a lock may make others wait. */
  readonly lockTimeoutMs: number;
  /** How long a step tries. */
  readonly lockPatienceMs: number;
}
