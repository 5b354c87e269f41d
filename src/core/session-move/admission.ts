import { HitlessError } from "../../base/error.ts";
import type { ReleaseName } from "../../base/names.ts";
import type { AppState } from "../state.ts";
import { home, isOver, isSamePlace, left, shown, sightOf, type SessionMove, type StorePlace } from "./move.ts";

/** @throws ERR_SESSIONS_MOVING, ERR_SESSIONS_MOVED: why a release that keeps its sessions there cannot be deployed now */
export function admitRelease(move: SessionMove | null, app: string, place: StorePlace | null): void {
  if (move === null) return;
  if (!isOver(move)) {
    throw new HitlessError({
      code: "ERR_SESSIONS_MOVING",
      what: `The sessions of ${app} are being moved to another store.`,
      why: "A new release might not write into both.",
      next: "Nothing was started. Deploy when the move is over (`hitless sessions`), or take it back with `hitless sessions move --abort`.",
    });
  }
  if (place === null || !left(move).some((one) => isSamePlace(one, place))) return;
  throw new HitlessError({
    code: "ERR_SESSIONS_MOVED",
    what: `The sessions of ${app} are not in the store that the configuration names any more.`,
    why: `They were moved to ${shown(home(move))}.`,
    next: "Nothing was started. Name that store in `sessions.store`, or move the sessions back with `hitless sessions move --to`.",
  });
}

/**
 * Whoever knows one store only would write what others do not find: of an older release nobody knows whether it writes into both, as the active one does by its own word.
 * @throws ERR_SESSIONS_MOVING
 */
export function admitRollback(move: SessionMove | null, { app, active }: AppState, to: ReleaseName | null): void {
  if (move === null || to === null || to === active || !sightOf(move.phase).writesBoth) return;
  throw new HitlessError({
    code: "ERR_SESSIONS_MOVING",
    what: `The sessions of ${app} are being moved to another store, so that it cannot go back to ${to} now.`,
    why: `Every instance has to write into both stores now, and whether those of ${to} do is not known: what they wrote could be lost.`,
    next: "Nothing was started. Take the move back with `hitless sessions move --abort`, or let it come to its end (`hitless sessions`); then `hitless rollback` goes, and finds the sessions.",
  });
}

/** @throws ERR_SESSIONS_MOVING: what went back is as new as any other release */
export function admitRetry(move: SessionMove | null, { app, deployment, returned }: AppState): void {
  const isJudgedAgain = deployment?.outcome === null;
  if (move === null || isOver(move) || isJudgedAgain || returned === undefined) return;
  throw new HitlessError({
    code: "ERR_SESSIONS_MOVING",
    what: `The sessions of ${app} are being moved to another store, so that ${returned.release} cannot be tried again now.`,
    why: "It might not write into both.",
    next: "Nothing was started. Try again when the move is over (`hitless sessions`), or take it back with `hitless sessions move --abort`.",
  });
}
