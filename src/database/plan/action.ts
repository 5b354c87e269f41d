import type { ObjectName } from "../names.ts";
import type { RuleId } from "../rules/rule-ids.ts";
import type { Bookkeeping } from "../source/bookkeeping.ts";
import type { Position } from "../source/position.ts";

/** PostgreSQL's table locks, weakest first. */
export const LOCK_MODES = [
  "ACCESS SHARE",
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** What an action costs: `instant` touches only the catalog, whatever the table holds. */
export type Work = "instant" | "scan" | "index build" | "rewrite" | "batches";

/** Filling a column of a table that is in use, batch by batch along a key. */
export interface Backfill {
  /** Quoted, with its schema. */
  readonly table: string;
  /** Quoted columns of a unique key without nulls, in its order; none: along the table's pages. */
  readonly key: readonly string[];
  /** `SET` list. */
  readonly set: string;
  /** Rows that are still to do. */
  readonly where: string;
  /** A statement over `{range}`, done once for each range of the key, in place of an UPDATE. */
  readonly query?: string | undefined;
  /** Deletes the rows instead of setting anything. */
  readonly delete?: boolean | undefined;
  /** Doing a row does not make `where` false: each key is visited exactly once, and there is nothing to verify at the end. */
  readonly once?: boolean | undefined;
  /** Unquoted columns that `set` sets. */
  readonly columns?: readonly string[] | undefined;
  /** Rows that are not as `set` would have them; none: that cannot be asked afterwards. */
  readonly differs?: string | undefined;
  /** A row that is still to do is done by whatever updates it, so that it never moves undone: pages may be walked instead of keys. */
  readonly lazy?: boolean | undefined;
}

/** What a release that was taken back has left, because it holds data; a later one with the same migration finds it. */
export type KeptObject = KeptRelation | KeptStatement;

/** What a statement has done. */
export interface KeptStatement {
  readonly statement: string;
  /** The table that the release brought itself, with which it goes. */
  readonly of?: ObjectName | undefined;
  /** What it has made, as in `type public.mood`. */
  readonly makes?: string | undefined;
}

/** A table, or a column of one. */
export interface KeptRelation extends ObjectName {
  readonly column: string | null;
}

/** Outside of a transaction, and safe to repeat. */
export interface AloneRun {
  readonly kind: "alone";
  readonly sql: string;
  /** A query for one boolean: whether it is already there. */
  readonly done: string;
  /** Whether a try that was cut short left something, and what clears it. */
  readonly repair?: Repair | undefined;
}

/** `found`: a query for the statements that clear it, where they are not known beforehand. */
export type Repair = { readonly broken: string } & ({ readonly sql: string } | { readonly found: string });

/** One thing to do to the database, as data: it can be shown, stored, repeated and undone. */
export interface Action {
  /** `e3`, `c1`: unique in its plan, the same whenever the same sources are planned. */
  readonly id: string;
  readonly phase: "expand" | "contract";
  /** For people: what it does, in a few words. */
  readonly title: string;
  readonly run:
    /** One transaction, with its journal row in it. */
    | { readonly kind: "transaction"; readonly sql: readonly string[] }
    | AloneRun
    | { readonly kind: "backfill"; readonly backfill: Backfill };
  /** The table whose strongest lock is taken, with its schema, unquoted; null: none that an application meets. */
  readonly table: string | null;
  readonly lock: LockMode | null;
  readonly work: Work;
  /** How it is taken back while no release has contracted. Empty: it may stay, it disturbs nobody. */
  readonly undo: readonly string[];
  /** Outside of a transaction. */
  readonly undoAlone?: boolean | undefined;
  /** A query for one boolean: true if taking it back would lose data that is nowhere else. Then it stays, and that is said. */
  readonly keepIf?: string | undefined;
  /** What stays then: a table, a column of one, or what statements have done. */
  readonly keeps?: KeptObject | readonly KeptObject[] | undefined;
  /** The statement that asked for it; null for what Hitless needs itself. */
  readonly cause: Position | null;
  /** Of no plan, but a file of the steps directory: the step's name. */
  readonly step?: string | undefined;
  /** The text of that file, where it is run as it is written. */
  readonly written?: string | undefined;
  /** Of a contract: the swap that a soft contract has done in its place, and that is taken back first, in the same transaction. */
  readonly over?: string | undefined;
  /** Of a swap: what it has made and kept is bound to other things (BEGIN ATOMIC), so it is taken back before the contract takes its first step. */
  readonly binds?: boolean | undefined;
  /** Its author has accepted a hazard of it. */
  readonly accepted?: boolean | undefined;
  /** What a copy of the database showed; without it `lock` and `work` are those of the rules. */
  readonly measured?: Measured | undefined;
}

/** What running it did to each table, view or materialized view that was there before. */
export type Measured = readonly MeasuredTable[];

export interface MeasuredTable {
  /** With its schema, unquoted. */
  readonly table: string;
  /** The strongest. */
  readonly lock: LockMode;
  readonly work: Exclude<Work, "batches">;
}

/** Something that cannot be made safe as it is written. */
export interface Refusal {
  readonly rule: RuleId;
  readonly position: Position;
  readonly statement: string;
  readonly why: string;
  /** What to write instead, line by line. */
  readonly write: readonly string[];
}

/** Something to know that stops nothing. */
export interface Notice {
  readonly rule: RuleId;
  readonly position: Position | null;
  readonly text: string;
}

/** A statement with what became of it. */
export interface PlannedStatement {
  readonly position: Position;
  readonly text: string;
  readonly actions: readonly string[];
}

export interface Plan {
  readonly app: string;
  readonly release: number;
  /** Null: the release sees nothing differently. */
  readonly overlay: string | null;
  readonly baseSchema: string;
  readonly migrations: readonly { readonly version: string; readonly checksum: string; readonly name: string }[];
  /** Sums of the procedures' files: with others it is another plan. Absent in what was planned before there was such a thing. */
  readonly procedures?: readonly string[] | undefined;
  readonly actions: readonly Action[];
  /** What a soft contract does when it begins: the base gets the release's names. None: it leaves all as it is. */
  readonly swaps?: readonly Action[] | undefined;
  readonly statements: readonly PlannedStatement[];
  readonly refusals: readonly Refusal[];
  readonly notices: readonly Notice[];
  /** What releases that were taken back have left, and this one takes as it is. Absent in what was planned before that was noted. */
  readonly adopts?: readonly KeptObject[] | undefined;
  /** What another migration tool's own table is told; none: there is no such table. */
  readonly bookkeeping?: Bookkeeping | undefined;
}

/** The statements of an action that is made of several, one for each text of its SQL; none: it is made of one. */
export function statementsOf({ statements }: Plan, { id, run }: Action): readonly PlannedStatement[] {
  if (run.kind !== "transaction" || run.sql.length < 2) return [];
  const own = statements.filter(({ actions }) => actions.includes(id));
  return own.length === run.sql.length ? own : [];
}
