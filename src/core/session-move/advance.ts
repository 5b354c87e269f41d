import type { Failure } from "../../base/error.ts";
import { instanceNumber } from "../../base/names.ts";
import { all, isLive } from "../instances.ts";
import type { AppState, Instance } from "../state.ts";
import { isOver, type MovePhase, type SessionMove } from "./move.ts";

/** What is to be done next. */
export type MoveStep =
  /** Nothing, until something else has happened. */
  | { readonly kind: "wait"; readonly why: string }
  /** Note the number that the next instance gets: from there on they know of this phase. */
  | { readonly kind: "mark" }
  /** Replace all instances. */
  | { readonly kind: "restart" }
  /** Copy all sessions and look whether they are there; then the next phase. */
  | { readonly kind: "copy" }
  /** Remove the copies that nobody reads any more; then the next phase. */
  | { readonly kind: "tidy" }
  | { readonly kind: "enter"; readonly phase: MovePhase }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "over" };

/** Once no instance is left that was started before this phase. */
const AFTER_REPLACEMENT: Readonly<Partial<Record<MovePhase, MoveStep>>> = {
  doubling: { kind: "enter", phase: "copying" },
  switching: { kind: "enter", phase: "finishing" },
  finishing: { kind: "tidy" },
  returning: { kind: "enter", phase: "leaving" },
  leaving: { kind: "tidy" },
};

export function nextStep(move: SessionMove, state: AppState, now: number): MoveStep {
  if (isOver(move)) return { kind: "over" };
  if (move.phase === "copying") return state.suspended ? { kind: "wait", why: "the app is stopped" } : { kind: "copy" };
  return replacement(move, state, now) ?? AFTER_REPLACEMENT[move.phase] ?? { kind: "over" };
}

/** Null: no instance is left that was started before this phase, wherever it stands. */
function replacement(move: SessionMove, state: AppState, now: number): MoveStep | null {
  const { floor } = move;
  if (floor === null) return { kind: "mark" };
  const before = all(state).filter(({ name }) => instanceNumber(name) < floor);
  if (before.length === 0) return null;
  const { deployment } = state;
  if (deployment?.outcome === null) return { kind: "wait", why: `${deployment.name} is replacing instances` };
  const why = whyNoRestart(state, before);
  if (why !== null) return { kind: "wait", why };
  if (now < move.retryAt) return { kind: "wait", why: "the restart failed and is tried again soon" };
  if (deployment !== null && deployment.name === move.restart && deployment.outcome !== "done") {
    return { kind: "failed", failure: deployment.failure ?? restartFailed(deployment.name) };
  }
  return { kind: "restart" };
}

/** A restart replaces neither who goes anyway nor who is on standby. */
function whyNoRestart({ standby, suspended, active }: AppState, before: readonly Instance[]): string | null {
  const live = before.filter(isLive);
  if (live.length === 0) return "instances are ending";
  if (live.every(({ generation }) => generation === standby?.generation))
    return `${standby?.release ?? ""} is on standby, and knows one store only`;
  return suspended || active === null ? "the app is stopped" : null;
}

function restartFailed(name: string): Failure {
  return { code: "ERR_ABORTED", what: `${name} did not replace all instances.` };
}
