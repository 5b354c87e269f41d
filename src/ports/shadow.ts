import type { Action, Measured } from "../database/plan/action.ts";
import type { ObjectName } from "../database/names.ts";
import type { CopyObject } from "../database/shadow/copy.ts";

export type ShadowRun =
  /** Null: what runs outside of a transaction cannot be measured from its own session. */
  | { readonly kind: "ran"; readonly measured: Measured | null }
  /** `code` is the SQLSTATE. */
  | ShadowFailure;

export interface ShadowFailure {
  readonly kind: "failed";
  readonly code: string;
  readonly message: string;
  /** Which of an action's statements it was, from 0. */
  readonly statement?: number | undefined;
}

/** As whom a statement is prepared. */
export interface Viewpoint {
  readonly app: string;
  readonly release: number;
  readonly searchPath: readonly string[];
}

export type Prepared =
  /** Types of its result's columns; null where the server does not tell (before PostgreSQL 16). */
  { readonly kind: "prepared"; readonly result: readonly string[] | null } | ShadowFailure;

/** A database with the shape of the real one and nothing of its data; it is gone when it is closed. */
export interface Shadow {
  /** `PostgreSQL 18.6 in this process`. */
  readonly about: string;
  /** Makes what can be made, in as many passes as that takes; gives what could not, with the reason. */
  make(objects: readonly CopyObject[]): Promise<readonly { readonly what: string; readonly why: string }[]>;
  /** Does it, and it stays done. */
  run(action: Action): Promise<ShadowRun>;
  /** Takes the rows out of every table. */
  empty(): Promise<void>;
  /** PREPARE; of a CALL, the call itself with nulls. Leaves nothing behind. */
  prepare(sql: string, as: Viewpoint): Promise<Prepared>;
  /** Columns of a table or view to which one may write. */
  columns(relation: ObjectName): Promise<readonly { readonly name: string; readonly type: string }[]>;
  /** Runs it in one transaction, and takes it back. Null: it can be done. `where`: PostgreSQL's context of the error. */
  write(sql: readonly string[], as: Viewpoint): Promise<(ShadowFailure & { readonly where: string }) | null>;
  /** plpgsql_check on every PL/pgSQL routine, by what the viewpoint sees; null where it is not installed. */
  checkRoutines(as: Viewpoint): Promise<readonly { readonly routine: string; readonly message: string }[] | null>;
  close(): Promise<void>;
}

export interface ShadowRequest {
  /** A server on which a temporary database may be made; null: in this process. */
  readonly url: string | null;
  /** Extensions that the copy needs. */
  readonly extensions: readonly string[];
  /** Schemas in which names are looked up. */
  readonly searchPath: readonly string[];
  readonly timeZone: string;
}

export interface Shadows {
  /** Throws what keeps it from being there. */
  open(request: ShadowRequest): Promise<Shadow>;
}
