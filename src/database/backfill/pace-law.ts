/** What one signal says of the load. */
export interface Reading {
  readonly name: string;
  /** 1: as much as may be. Null: it could not be read. */
  readonly load: number | null;
  /** For people: the figure and its limit, or why there is none. */
  readonly text: string;
  /** Somebody waits for what the backfill holds: not one batch more. */
  readonly yields?: boolean | undefined;
}

/** How fast a backfill may go. */
export interface PaceState {
  /** The share of the time in which it works: 0, or `SLOWEST` to 1. */
  readonly speed: number;
  readonly reason: string | null;
}

/** A backfill that users feel goes on all the same, at this: otherwise one that never ends costs more. */
export const SLOWEST = 0.02;
/** As fast as one may go that does not see what it does. */
export const BLIND = 0.1;
/** How fast it begins: what it costs is seen only when it works. */
const BEGINNING = 0.3;
/** Below this share of the limit it becomes faster. */
const CALM = 0.7;
const FASTER = 0.15;

export const FIRST_PACE: PaceState = { speed: BEGINNING, reason: "it begins slowly" };

/** Additive increase, multiplicative decrease; the worst signal counts, and one that says nothing is a bad one. */
export function nextPace(state: PaceState, readings: readonly Reading[]): PaceState {
  const yielding = readings.find(({ yields }) => yields === true);
  if (yielding !== undefined) return { speed: 0, reason: yielding.text };
  const speed = Math.max(SLOWEST, state.speed);
  const unread = readings.find(({ load }) => load === null);
  const worst = readings.reduce<Reading | null>((one, other) => ((other.load ?? 0) > (one?.load ?? 0) ? other : one), null);
  const load = worst?.load ?? 0;
  const allowed = load > 1 ? slower(speed, load) : load > CALM ? speed : Math.min(1, speed + FASTER);
  const reason = load > 1 ? (worst?.text ?? null) : allowed < 1 ? state.reason : null;
  if (unread === undefined && readings.length > 0) return { speed: allowed, reason };
  const blind = unread === undefined ? "nothing says what it costs" : `${unread.name} cannot be read: ${unread.text}`;
  return { speed: Math.min(BLIND, allowed), reason: load > 1 ? reason : blind };
}

function slower(speed: number, load: number): number {
  return Math.max(SLOWEST, speed * Math.max(0.25, Math.min(0.8, 1 / load)));
}
