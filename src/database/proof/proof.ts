import type { Position } from "../source/position.ts";
import type { ClientStatement } from "./corpus.ts";

/** Whether what a release sends to the database still can be sent, once the database is expanded. */
export interface Proof {
  readonly sides: readonly ProofSide[];
  /** What plpgsql_check says of routines as the new release sees them; null: it is not installed. */
  readonly routines: readonly { readonly routine: string; readonly message: string }[] | null;
}

export interface ProofSide {
  readonly side: "running" | "new" | "new, after the contract";
  /** Statements that could be prepared. */
  readonly fit: number;
  readonly of: number;
  readonly failures: readonly ProofFailure[];
  /** Those that could not be prepared before the change either, so that they say nothing. */
  readonly unjudged: readonly ProofFailure[];
  /** Those whose result has other columns now: a connection that has prepared one gets 0A000 once. */
  readonly changed: readonly ClientStatement[];
}

export interface ProofFailure extends ClientStatement {
  readonly message: string;
}

/** For people: `queries/users.sql:3` or the statement itself. */
export function placeOf({ position, sql }: ClientStatement): string {
  return position === null ? oneLine(sql) : `${position.path}:${String(position.line)}`;
}

function oneLine(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Statements that would fail, as reasons to refuse the release. */
export function breaks(proof: Proof, fallback: Position): readonly { position: Position; statement: string; why: string }[] {
  const statements = proof.sides.flatMap(({ side, failures }) =>
    failures.map((failure) => ({
      position: failure.position ?? fallback,
      statement: failure.sql,
      why: `a statement of the ${side.startsWith("new") ? "new" : "running"} release would fail${side.endsWith("contract") ? " after the contract" : ""}: ${failure.message}: ${oneLine(failure.sql)}`,
    })),
  );
  const routines = (proof.routines ?? []).map(({ routine, message }) => ({
    position: fallback,
    statement: routine,
    why: `plpgsql_check: ${routine}: ${message}`,
  }));
  return [...statements, ...routines];
}
