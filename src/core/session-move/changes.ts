import { HitlessError, type Failure } from "../../base/error.ts";
import { isOver, isSamePlace, left, type MovePhase, type SessionMove, type StorePlace } from "./move.ts";

const RETRY_FIRST_MS = 5_000;
const RETRY_MAX_MS = 300_000;

/** From where one can go back, and how. */
const WAYS_BACK: Readonly<Partial<Record<MovePhase, MovePhase>>> = {
  doubling: "leaving",
  copying: "leaving",
  switching: "returning",
  returning: "returning",
  leaving: "leaving",
};

export interface MoveOrder {
  readonly id: string;
  readonly app: string;
  readonly by: string;
  readonly at: number;
  readonly from: StorePlace;
  readonly to: StorePlace;
}

/** `last`: the move before this one. */
export function newMove({ at, ...order }: MoveOrder, last: SessionMove | null): SessionMove {
  const earlier =
    last === null ? [] : left(last).filter((place) => !isSamePlace(place, order.to) && !isSamePlace(place, order.from));
  const blank = { restart: null, retryAt: 0, attempts: 0, prefixes: [], verified: null, failure: null };
  return { ...order, ...blank, startedAt: at, earlier, phase: "doubling", since: at, floor: null };
}

/** While sessions are copied, instances are those of the phase before. */
export function entered(move: SessionMove, phase: MovePhase, at: number): SessionMove {
  const floor = phase === "copying" ? move.floor : null;
  return { ...move, phase, since: at, floor, restart: null, retryAt: 0, attempts: 0 };
}

/** Back, with the reason; where there is no way back it is tried again, later each time. */
export function failed(move: SessionMove, failure: Failure, at: number): SessionMove {
  const back = WAYS_BACK[move.phase];
  if (back !== undefined && back !== move.phase) return { ...entered(move, back, at), failure };
  const pause = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** move.attempts);
  const kept = back === undefined ? failure : (move.failure ?? failure);
  return { ...move, restart: null, attempts: move.attempts + 1, retryAt: at + pause, failure: kept };
}

/** An operator wants it back. @throws ERR_SESSIONS_MOVING where it is too late, ERR_NOTHING_RUNNING */
export function aborted(move: SessionMove | null, by: string, at: number): SessionMove {
  if (move === null || isOver(move)) {
    throw new HitlessError({
      code: "ERR_NOTHING_RUNNING",
      what: "No sessions are being moved.",
      next: "See `hitless sessions`.",
    });
  }
  const back = WAYS_BACK[move.phase];
  if (back === undefined) {
    throw new HitlessError({
      code: "ERR_SESSIONS_MOVING",
      what: "The move cannot go back any more.",
      why: "Instances that know the new store only have begun to serve: what they write is not in the old one.",
      next: "Let it come to its end (`hitless sessions`), and move the sessions back with another move.",
    });
  }
  if (back === move.phase) return move;
  return { ...entered(move, back, at), failure: { code: "ERR_ABORTED", what: `${by} asked the move to go back.` } };
}
