/** What `hitless db …` shows of a plan. Plain data: `--json` prints it as it is. */
export interface PlanReport {
  readonly app: string;
  readonly release: string;
  /** Null: the release sees nothing differently. */
  readonly overlay: string | null;
  readonly migrations: readonly string[];
  readonly steps: readonly PlanStep[];
  readonly refusals: readonly PlanRefusal[];
  readonly notices: readonly PlanNotice[];
  readonly trial: PlanTrial;
  /** What the role of the URL lacks for it. */
  readonly missing: readonly MissingPrivilege[];
  /** What earlier releases keep for going back, and this one ends, as it changes the same tables, views or routines. */
  readonly ends?: readonly { readonly release: string; readonly keptUntil: string; readonly changes: readonly string[] }[];
}

interface FoundAt {
  readonly rule: string;
  /** `0002_names.sql:3`; empty: nowhere. */
  readonly place: string;
  /** The migration or procedure, from the release's own directory; empty: none. */
  readonly path: string;
  readonly line: number;
  /** Tables and views that the statement names, with their schemas; the one that it is about comes first. */
  readonly tables: readonly string[];
}

export interface PlanNotice extends FoundAt {
  readonly text: string;
}

/** What a copy of the database showed. */
export interface PlanTrial {
  /** `PostgreSQL 18.6 in this process`; null: the plan says what the rules say. */
  readonly on: string | null;
  /** Why not, or what of it was not. */
  readonly gaps: readonly string[];
  /** Statements of the running and of the new release, prepared on the copy. */
  readonly proof: readonly {
    readonly side: string;
    readonly fit: number;
    readonly of: number;
    readonly failures: readonly { readonly place: string; readonly message: string }[];
    /** They could not be prepared before either. */
    readonly unjudged: readonly { readonly place: string; readonly message: string }[];
    /** Their results have other columns: connections that have prepared them see 0A000 once. */
    readonly changed: readonly string[];
  }[];
  /** Findings of plpgsql_check; null: it is not installed there. */
  readonly routines: readonly { readonly routine: string; readonly message: string }[] | null;
}

export interface MissingPrivilege {
  /** Of the statement; empty: Hitless itself needs it. */
  readonly place: string;
  readonly what: string;
  /** SQL for whoever may give it. */
  readonly grant: string;
}

export interface PlanStep {
  readonly id: string;
  readonly phase: "expand" | "contract";
  readonly title: string;
  /** `0002_names.sql:3`; empty for what Hitless needs itself. */
  readonly place: string;
  readonly lock: string;
  readonly blocks: "nobody" | "writes" | "reads and writes";
  readonly work: string;
  /** `measured`: on a copy. */
  readonly basis: "measured" | "rule";
  /** All that it locks, where it was measured. */
  readonly locks: readonly { readonly table: string; readonly lock: string; readonly work: string }[];
  /** A rough number of seconds, for what depends on the table's size; null: instant, or unknown. */
  readonly seconds: number | null;
  /** What the seconds were computed from. */
  readonly secondsFrom: string | null;
  readonly sql: readonly string[];
}

export interface PlanRefusal extends FoundAt {
  readonly why: string;
  readonly write: readonly string[];
}

export interface DatabaseStatus {
  readonly app: string;
  readonly releases: readonly {
    readonly release: string;
    readonly state: string;
    readonly overlay: string | null;
    readonly migrations: readonly string[];
    /** Its contract is soft: before this time (ISO 8601) nothing of it is done. */
    readonly keptUntil?: string | undefined;
    /** Steps of the contract that are still to come. */
    readonly contract: readonly string[];
    /** It ends the way back to older releases. */
    readonly endsWayBack?: boolean | undefined;
  }[];
  readonly connections: readonly { readonly release: string; readonly connections: number }[];
  /** Who is still there that the contract waits for. */
  readonly waitsFor?: readonly string[] | undefined;
}

/** `hitless db diff`: what two releases find in the database. */
export interface DatabaseDiff {
  readonly releases: readonly [ComparedRelease, ComparedRelease];
  readonly differences: readonly SeenDifference[];
  /** What goes with contracts; until then both find it. */
  readonly untilContract: readonly string[];
}

export interface ComparedRelease {
  readonly release: string;
  /** Schemas in which it looks names up, first match first. */
  readonly searchPath: readonly string[];
}

export interface SeenDifference {
  /** `table`, `view`, `function` … */
  readonly kind: string;
  /** Of a routine with the types of its arguments. */
  readonly name: string;
  /** What it is for the one and for the other; null: it is not there. */
  readonly one: string | null;
  readonly other: string | null;
  readonly parts: readonly {
    readonly what: "column" | "query" | "arguments" | "result" | "body";
    /** Of a column. */
    readonly name: string | null;
    readonly one: string | null;
    readonly other: string | null;
  }[];
}
