import type { Reading } from "../database/backfill/pace-law.ts";
import type { Catalog } from "../database/catalog.ts";
import type { ChangeSet } from "../database/change-set.ts";
import type { AppliedMigration } from "../database/pending.ts";
import type { ReleaseSession } from "../database/release-url.ts";
import type { ObjectName } from "../database/names.ts";
import type { PrivilegeNeed } from "../database/privileges/needs.ts";
import type { Seen } from "../database/seen/seen.ts";
import type { ToolRow } from "../database/source/bookkeeping.ts";
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
  /**
   * PostgreSQL refused; nothing was changed. `code` is its SQLSTATE. `at`: the character of the request's SQL that it names; undefined: none of it.
   * `statement`: which of the request's it was, from 0, as far as that was asked and is known.
   */
  | {
      readonly kind: "refused";
      readonly code: string;
      readonly message: string;
      readonly at?: number | undefined;
      readonly statement?: number | undefined;
    }
  /** The connection was lost: whether it was done shows in the journal. */
  | { readonly kind: "lost"; readonly message: string }
  /** It was ended before its end. A transaction was taken back; what ran outside of one may have left something. */
  | { readonly kind: "cut" };

/** What ends a statement before its end. */
export interface CutOff {
  /** Ends it at the server. */
  readonly signal: AbortSignal;
  /** The server ends it by itself after so many milliseconds, also when nobody is there any more to tell it; null: it never does. */
  readonly limitMs: number | null;
}

export interface StepRequest {
  readonly release: number;
  readonly action: string;
  readonly sql: readonly string[];
  /** What the journal says afterwards, in the same transaction. */
  readonly mark: "done" | "undone" | "kept";
  readonly lockTimeoutMs: number;
  /** None: it comes to its end. */
  readonly cutOff?: CutOff | undefined;
  /** Where it is refused, it is looked which of its statements it was. */
  readonly which?: boolean | undefined;
}

/** A row that cannot be done. */
export interface FailedRow {
  /** The text of its key; where the table has none, its place. */
  readonly key: readonly string[];
  readonly message: string;
}

/** What lies between a cursor and `to`: every second row of it is done. */
export interface HalfDone {
  readonly to: readonly string[];
  /** Keys (or pages) of it. */
  readonly size: number;
}

/** Where the walk along a stretch stands. Keys are the text of their columns. */
export interface BackfillCursor {
  /** Everything up to here is done. */
  readonly after: readonly string[] | null;
  /** The last key of the walk, where rows that come later are not its business. */
  readonly until: readonly string[] | null;
  /** Rows that were changed. */
  readonly rows: number;
  /** Where a walk begins, exclusive; none: with the first row. */
  readonly from?: readonly string[] | null | undefined;
  /** Rows that were looked at. */
  readonly walked?: number | undefined;
  readonly end?: boolean | undefined;
  readonly half?: HalfDone | undefined;
  readonly failed?: readonly FailedRow[] | undefined;
}

/** A part of a backfill that one worker walks along: a range of a table's key, or one partition. */
export interface Stretch {
  readonly part: number;
  /** Quoted, with its schema. */
  readonly table: string;
  /** As in Backfill. */
  readonly key: readonly string[];
  readonly cursor: BackfillCursor;
}

/** What is known of a backfill before its first batch. */
export interface Survey {
  readonly stretches: readonly Stretch[];
  /** Estimates, of the whole table. */
  readonly rows: number;
  readonly bytes: number;
  /** As the last backfill of this table, or else of any, was measured; null: there was none. */
  readonly rowsPerSecond: number | null;
  /** The application's own triggers that fire for each row. */
  readonly triggers: readonly string[];
  /** Whether the role can leave them out. */
  readonly quiet: boolean;
  /** Whether it is worth doing every second row first: the others then find room in their own pages. */
  readonly halves: boolean;
}

export interface BatchRequest {
  readonly release: number;
  readonly action: string;
  readonly backfill: Backfill;
  readonly stretch: Stretch;
  /** Keys (or pages, of a table without a key) that one batch walks over. */
  readonly size: number;
  /** The application's triggers do not fire. */
  readonly quiet: boolean;
  /** Every second row of the range, and what is left of the range before it; false: the whole range, whatever of it is done. */
  readonly halves: boolean;
  readonly lockTimeoutMs: number;
}

export type BatchOutcome =
  | { readonly kind: "walked"; readonly cursor: BackfillCursor }
  /** A row of the range cannot be done; nothing of it was. */
  | { readonly kind: "faulty"; readonly code: string; readonly message: string }
  | Exclude<StepOutcome, { kind: "done" }>;

/** What a range holds now. */
export interface Comparison {
  readonly rows: number;
  /** Still to do. */
  readonly left: number;
  /** Not as the expression has it now; null where that cannot be asked. */
  readonly different: number | null;
}

export type ComparisonOutcome =
  | { readonly kind: "compared"; readonly comparison: Comparison; readonly after: readonly string[] | null }
  | Exclude<StepOutcome, { kind: "done" }>;

export type SurveyOutcome = { readonly kind: "surveyed"; readonly survey: Survey } | Exclude<StepOutcome, { kind: "done" }>;

/** What a backfill was, kept with its action for those that come. */
export interface BackfillRecord {
  readonly table: string;
  readonly rows: number;
  readonly walked: number;
  /** From its first batch on, pauses included; of the run that ended it. */
  readonly ms: number;
  readonly pausedMs: number;
  readonly workers: number;
  readonly rowsPerSecond: number;
  readonly estimate: { readonly rows: number; readonly bytes: number; readonly ms: number | null };
  readonly comparison: Comparison | null;
  readonly failed: readonly FailedRow[];
}

export interface JournalRow {
  readonly action: string;
  readonly state: "done" | "undone" | "kept" | "running";
  readonly cursor: BackfillCursor | null;
}

/** One connection that walks. */
export interface BatchWorker {
  /** One batch with the new cursor and the fence, in one transaction. */
  batch(request: BatchRequest): Promise<BatchOutcome>;
  /** As a batch, its rows one by one: those that fail are left out, and kept in the cursor. */
  sift(request: BatchRequest): Promise<BatchOutcome>;
  /** The failed rows of the stretch once more; the walk stays where it is. */
  retry(request: BatchRequest): Promise<BatchOutcome>;
  /** Reads a range, or (size null) all that is left of the stretch, without a lock that anybody meets. */
  compare(request: Omit<BatchRequest, "size" | "halves"> & { readonly size: number | null }): Promise<ComparisonOutcome>;
  close(): Promise<void>;
}

/** Other clients of the database that say whose they are. */
export interface ReleaseConnections {
  readonly release: number;
  readonly connections: number;
  readonly oldest?: OldestSession | undefined;
}

/** Of several sessions the one that was there first. */
export interface OldestSession {
  readonly pid: number;
  /** What it does or did last, as far as the role may see that. */
  readonly query: string;
  readonly ageMs: number;
}

/** Clients that do not say whose they are. */
export interface UnnamedConnections {
  readonly application: string;
  readonly connections: number;
  readonly oldest?: OldestSession | undefined;
}

/** What a session finds when it has just connected. */
export interface SessionSight {
  /** Schemas in which names are looked up, of those that are there and open to it. */
  readonly schemas: readonly string[];
  /** Whose it is; null: of no release. */
  readonly release: number | null;
}

/** Something that the role of a URL may not do, and what would let it. */
export interface MissingPrivilege {
  readonly need: PrivilegeNeed;
  /** `app does not own public.users, which belongs to boss` */
  readonly what: string;
  /** SQL for whoever may give it. */
  readonly grant: string;
}

/** The database of an app. Errors are HitlessErrors: ERR_DATABASE_UNREACHABLE, ERR_DATABASE_BUSY, ERR_DATABASE_PRIVILEGE. */
export interface Database {
  /** Reads only, beside everybody. */
  catalog(url: string): Promise<Catalog>;
  /** Where names without a schema are looked up, first match first; new ones are made in the first, the base schema. */
  whereabouts(url: string): Promise<{ readonly path: readonly string[] }>;
  /** What a session finds that looks names up in these schemas. */
  seen(url: string, searchPath: readonly string[]): Promise<Seen>;
  /** Which of these the role of the URL does not have. */
  missing(url: string, needs: readonly PrivilegeNeed[]): Promise<readonly MissingPrivilege[]>;
  /** What releases brought, oldest first; none where Hitless was never here. */
  changeSets(url: string, app: string): Promise<readonly ChangeSet[]>;
  /** Versions and checksums of the migrations that Hitless has applied. */
  applied(url: string, app: string): Promise<readonly AppliedMigration[]>;
  /** Texts of statements that clients have sent, as pg_stat_statements has counted them; none where it is not there. */
  statements(url: string): Promise<readonly string[]>;
  /** What backfills of any app were on this database, newest first; none where Hitless was never here. */
  backfills(url: string): Promise<readonly BackfillRecord[]>;
  journal(url: string, app: string, release: number): Promise<readonly JournalRow[]>;
  /** A query for one boolean, that changes nothing. */
  ask(url: string, sql: string): Promise<boolean>;
  /** All rows of a small table; null: it is not there. */
  toolRows(url: string, table: ObjectName): Promise<readonly ToolRow[] | null>;
  /** Sessions of the app's releases that are connected now. */
  connections(url: string, app: string): Promise<readonly ReleaseConnections[]>;
  /** Sessions that began before anything of the release was there and do not say whose they are. */
  unnamed(url: string, app: string, release: number): Promise<readonly UnnamedConnections[]>;
  /** How often the routines that go with the contract have been called, where the server counts that. */
  calls(url: string, set: ChangeSet): Promise<number>;
  /** Connects as an instance would. */
  sight(url: string, app: string): Promise<SessionSight>;
  /** Makes the role under which a release logs in where its URL must carry no options; gives its name. @throws ERR_DATABASE_PRIVILEGE */
  role(url: string, session: ReleaseSession): Promise<string>;
  /** Forgets the roles of releases before this one. */
  dropRoles(url: string, app: string, before: number): Promise<void>;
  /** The one runner of the app: another gets ERR_DATABASE_BUSY, and one that was replaced ERR_STALE_EPOCH with its next step. */
  lease(url: string, app: string): Promise<DatabaseLease>;
}

export interface DatabaseLease extends BatchWorker {
  catalog(): Promise<Catalog>;
  changeSets(): Promise<readonly ChangeSet[]>;
  /** Makes or changes the record of a change set, with the migrations it brought. */
  save(set: ChangeSet): Promise<void>;
  journal(release: number): Promise<readonly JournalRow[]>;
  applied(): Promise<readonly AppliedMigration[]>;
  /** All rows of a small table; null: it is not there. */
  toolRows(table: ObjectName): Promise<readonly ToolRow[] | null>;
  /** One transaction with its journal row. */
  step(request: StepRequest): Promise<StepOutcome>;
  /** Outside of a transaction; the journal row comes after it. */
  alone(request: StepRequest): Promise<StepOutcome>;
  /** A query for one boolean. With a signal it ends at the server too: with that signal, and with this process. */
  ask(sql: string, signal?: AbortSignal): Promise<boolean>;
  /** A query for texts, one in a row. */
  texts(sql: string): Promise<readonly string[]>;
  /** Long transactions that hold what conflicts with the lock on the table. */
  holders(table: string, lock: LockMode): Promise<readonly Blocker[]>;
  /**
   * What a backfill is up against; its statement is tried (and refused) without running it. `parts`: into how many a large table is cut. Where it is
   * refused, `at` counts in its query, or in what is set and then the condition.
   */
  survey(backfill: Backfill, parts: number): Promise<SurveyOutcome>;
  /** Where a backfill that was begun stands; none: it was not. */
  stretches(release: number, action: string): Promise<readonly Stretch[]>;
  /** Writes down where a backfill stands before it walks, or walks again. */
  begin(release: number, action: string, stretches: readonly Stretch[]): Promise<void>;
  /** Keeps what a backfill was. */
  keep(release: number, action: string, record: BackfillRecord): Promise<void>;
  /** What the server says of its load, with a table in view. @throws what keeps it from saying so */
  load(table: string): Promise<readonly Reading[]>;
  /** A user's query for one number, in two seconds, that changes nothing. */
  number(sql: string): Promise<number>;
  /** One more connection of this runner. */
  worker(): Promise<BatchWorker>;
}
