/** What one signal says of the load. */
export interface Reading {
  readonly name: string;
  /** 1: as much as may be. Null: it could not be read. */
  readonly load: number | null;
  /** For people: the figure and its limit, or why there is none. */
  readonly text: string;
  /** Somebody waits for what the backfill holds: not one batch more. */
  readonly yields?: boolean | undefined;
  /** The signal keeps a speed of its own, and allows no more than that. */
  readonly most?: number | undefined;
}

/** How fast something lets a backfill go. */
interface Allowed {
  /** The share of the time in which it works: 0, or `SLOWEST` to 1. */
  readonly speed: number;
  /** Why it is not 1. */
  readonly reason: string | null;
}

export interface PaceState extends Allowed {
  /** What the loads allow, whatever else holds it back. */
  readonly room: Allowed;
}

/** A backfill that users feel goes on all the same, at this: one that never ends costs more, and what 1 of 200 requests meet does not move p99 far. */
export const SLOWEST = 0.005;
/** As fast as one may go that does not see what it does. */
export const BLIND = 0.1;
const BRIEF_SPEED = 0.1;
/** How fast it begins: what it costs is seen only when it works. */
const BEGINNING = 0.3;
/** Below this share of the limit it becomes faster. */
const CALM = 0.7;
const FASTER = 0.15;
/** The shortest batch, as a share of the usual time of one: 3 ms of 150. What waits for a processor or a page beside it waits no longer. */
const SHORTEST_BATCH = 0.02;
/** Up to this speed batches are as short as they can be; above, they grow to their usual time. */
const BRIEF = 0.5;

const FIRST_ROOM: Allowed = { speed: BEGINNING, reason: "it begins slowly" };
export const FIRST_PACE: PaceState = { ...FIRST_ROOM, room: FIRST_ROOM };

export function nextPace(state: PaceState, readings: readonly Reading[]): PaceState {
  const yielding = readings.find(({ yields }) => yields === true);
  if (yielding !== undefined) {
    const reason = yielding.text;
    return { speed: 0, reason, room: { speed: SLOWEST, reason } };
  }
  const room = nextRoom(state.room, readings);
  const bounds = readings.map(({ most, text }): Allowed => ({ speed: most ?? 1, reason: text }));
  return { ...bounds.reduce((one, other) => (other.speed < one.speed ? other : one), room), room };
}

/**
 * How fast what is nearly over may go, whatever users feel of it: seconds at a tenth are a smaller thing than minutes at a two hundredth, for which
 * somebody waits. Somebody's stop, and a look at the requests without it, are respected.
 */
export function briefSpeed({ speed, room }: PaceState): number {
  return speed === 0 ? 0 : Math.max(speed, Math.min(room.speed, BRIEF_SPEED));
}

/** Of the usual time of a batch. Who is slow makes shorter batches, too: it is the long ones that others wait for. */
export function batchShare(speed: number): number {
  return SHORTEST_BATCH ** Math.min(1, Math.max(0, (1 - speed) / (1 - BRIEF)));
}

/** Additive increase, multiplicative decrease; the worst signal counts, and one that says nothing is a bad one. */
function nextRoom({ speed, reason: known }: Allowed, readings: readonly Reading[]): Allowed {
  const unread = readings.find(({ load }) => load === null);
  const worst = readings.reduce<Reading | null>((one, other) => ((other.load ?? 0) > (one?.load ?? 0) ? other : one), null);
  const load = worst?.load ?? 0;
  const allowed = load > 1 ? slower(speed, load) : load > CALM ? speed : Math.min(1, speed + FASTER);
  const reason = load > 1 ? (worst?.text ?? null) : allowed < 1 ? known : null;
  if (unread === undefined && readings.length > 0) return { speed: allowed, reason };
  const blind = unread === undefined ? "nothing says what it costs" : `${unread.name} cannot be read: ${unread.text}`;
  return { speed: Math.min(BLIND, allowed), reason: load > 1 ? reason : blind };
}

function slower(speed: number, load: number): number {
  return Math.max(SLOWEST, speed * Math.max(0.25, Math.min(0.8, 1 / load)));
}
