/** What the configuration says of the app's database. The URL itself is in the environment of its processes. */
export interface DatabaseSpec {
  /** The variable that holds the URL. */
  readonly variable: string;
  /** The variable with the URL that Hitless itself uses, past a pooler; none: the same. */
  readonly directVariable?: string | undefined;
  /** How a session says whose it is: options of its URL, or a role per release, for poolers that pass no options on. */
  readonly identity?: "options" | "role" | undefined;
  /** Directories in the release; null: there is none. */
  readonly migrations: string | null;
  readonly procedures: string | null;
  /** For how long after its deployment a release may still be gone back from; then the contract. */
  readonly contractAfterMs: number;
  /** For how long after its contract is due it keeps what only older releases use; none: it removes that at once. */
  readonly softContractMs?: number | undefined;
  /** What one try for a lock may make others wait. */
  readonly lockTimeoutMs: number;
  /** How long a step tries. */
  readonly lockPatienceMs: number;
  /** What backfills listen to; none: the defaults. */
  readonly backfill?: BackfillSpec | undefined;
  /** A directory with statements that the release sends to the database. */
  readonly queries?: string | undefined;
  /** A server on which a copy is made to try changes on, or `env:NAME`; without it the copy is in the process. */
  readonly shadowUrl?: string | undefined;
}

/** What a backfill may cost others, and who else says when it is too much. */
export interface BackfillSpec {
  /** By how much the p99 of the app's requests may grow: 0.1 for a tenth. */
  readonly rise: number;
  /** SQL for one number: above 0 it pauses. */
  readonly query: string | null;
  /** Any other answer than 2xx pauses it. */
  readonly url: string | null;
}

export const DEFAULT_BACKFILL: BackfillSpec = Object.freeze({ rise: 0.1, query: null, url: null });
/** The URL that Hitless itself uses. */
export function ownUrl({ variable, directVariable }: DatabaseSpec, env: Readonly<Record<string, string>>): string | undefined {
  return env[directVariable ?? variable];
}
