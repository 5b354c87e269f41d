import type { Catalog } from "../database/catalog.ts";
import type { ChangeSet } from "../database/change-set.ts";
import type { AppliedMigration } from "../database/pending.ts";
import type { Backfill, LockMode } from "../database/plan/action.ts";

/** Somebody whose lock is in the way. */
export interface Blocker {
  readonly pid: number;
  readonly application: string;
  readonly user: string;
  /** `active`, `idle in transaction` … */
  readonly state: string;
  readonly query: string;
  /** How long its transaction has been open, in milliseconds. */
  readonly ageMs: number;
}

export type StepOutcome =
  | { readonly kind: "done" }
  /** A lock was not to be had in time; nothing was changed. */
  | { readonly kind: "locked"; readonly blockers: readonly Blocker[] }
  /** PostgreSQL refused; nothing was changed. `code` is its SQLSTATE. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** The connection was lost: whether it was done shows in the journal. */
  | { readonly kind: "lost"; readonly message: string };

export interface StepRequest {
  readonly release: number;
  readonly action: string;
  readonly sql: readonly string[];
  /** What the journal says afterwards, in the same transaction. */
  readonly mark: "done" | "undone" | "kept";
  readonly lockTimeoutMs: number;
}

/** Where a backfill stands. Keys are the text of their columns. */
export interface BackfillCursor {
  readonly after: readonly string[] | null;
  /** The last key of the walk, where rows that come later are not its business. */
  readonly until: readonly string[] | null;
  readonly rows: number;
}

export interface BatchRequest {
  readonly release: number;
  readonly action: string;
  readonly backfill: Backfill;
  readonly cursor: BackfillCursor;
  /** Keys (or pages, of a table without a key) that one batch walks over. */
  readonly size: number;
  readonly lockTimeoutMs: number;
}

export type BatchOutcome =
  { readonly kind: "walked"; readonly cursor: BackfillCursor; readonly end: boolean } | Exclude<StepOutcome, { kind: "done" }>;

export interface JournalRow {
  readonly action: string;
  readonly state: "done" | "undone" | "kept" | "running";
  readonly cursor: BackfillCursor | null;
}

/** Other clients of the database that say whose they are. */
export interface ReleaseConnections {
  readonly release: number;
  readonly connections: number;
}

/** The database of an app. Errors are HitlessErrors: ERR_DATABASE_UNREACHABLE, ERR_DATABASE_BUSY, ERR_DATABASE_PRIVILEGE. */
export interface Database {
  /** Reads only, beside everybody. */
  catalog(url: string): Promise<Catalog>;
  /** Where names without a schema are: the base schema. */
  whereabouts(url: string): Promise<{ readonly schema: string }>;
  /** What releases brought, oldest first; none where Hitless was never here. */
  changeSets(url: string, app: string): Promise<readonly ChangeSet[]>;
  /** Versions and checksums of the migrations that Hitless has applied. */
  applied(url: string, app: string): Promise<readonly AppliedMigration[]>;
  /** Sessions of the app's releases that are connected now. */
  connections(url: string, app: string): Promise<readonly ReleaseConnections[]>;
  /** The one runner of the app: another gets ERR_DATABASE_BUSY, and one that was replaced ERR_STALE_EPOCH with its next step. */
  lease(url: string, app: string): Promise<DatabaseLease>;
}

export interface DatabaseLease {
  catalog(): Promise<Catalog>;
  changeSets(): Promise<readonly ChangeSet[]>;
  /** Makes or changes the record of a change set, with the migrations it brought. */
  save(set: ChangeSet): Promise<void>;
  journal(release: number): Promise<readonly JournalRow[]>;
  applied(): Promise<readonly AppliedMigration[]>;
  /** One transaction with its journal row. */
  step(request: StepRequest): Promise<StepOutcome>;
  /** Outside of a transaction; the journal row comes after it. */
  alone(request: StepRequest): Promise<StepOutcome>;
  /** A query for one boolean. */
  ask(sql: string): Promise<boolean>;
  /** Long transactions that hold what conflicts with the lock on the table. */
  holders(table: string, lock: LockMode): Promise<readonly Blocker[]>;
  /** One batch with the new cursor, in one transaction. */
  batch(request: BatchRequest): Promise<BatchOutcome>;
  close(): Promise<void>;
}
