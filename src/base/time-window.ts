import { Cron } from "croner";

/** A stretch of time that comes again and again, as plain data. */
export type TimeWindowSpec =
  /** From each time of the cron expression (five fields), for so many milliseconds on any clock. */
  | { readonly kind: "cron"; readonly cron: string; readonly forMs: number; readonly timeZone: string }
  /**
   * Between two times of the wall clock, in minutes after midnight; where the second is not later than the first it is that of the next day.
   * The days are those on which it begins, 0 for Sunday.
   */
  | {
      readonly kind: "daily";
      readonly days: readonly number[];
      readonly from: number;
      readonly to: number;
      readonly timeZone: string;
    };

/** All times are milliseconds since the epoch. A window holds its first millisecond and not its last. */
export interface TimeWindow {
  isOpen(at: number): boolean;
  /** When it opens or closes next, later than `at`; null: never. */
  nextChange(at: number): number | null;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** No clock is put forward or back by more. */
const SHIFT_MS = 3 * 60 * MINUTE_MS;
/** Stretches that run into each other are followed so far: what is open for longer never closes. */
const CHAIN_MAX = 2_000;

/**
 * When the clocks change, a time that is left out counts as the first one after the gap, and one that comes twice counts the first time.
 * Throws a RangeError that says what is wrong with the cron expression or the time zone.
 */
export function timeWindow(spec: TimeWindowSpec): TimeWindow {
  const stretches = spec.kind === "cron" ? cronStretches(spec) : dailyStretches(spec);
  const openUntil = (at: number): number | null => untilOf(stretches, at);
  return {
    isOpen: (at) => openUntil(at) !== null,
    nextChange: (at) => {
      const until = openUntil(at) ?? nextStart(stretches, at);
      return until === Infinity ? null : until;
    },
  };
}

interface Stretches {
  /** The first beginning later than the given time, or null. */
  readonly starts: (at: number) => number | null;
  readonly endOf: (start: number) => number;
  readonly longestMs: number;
}

function cronStretches({ cron, forMs, timeZone }: Extract<TimeWindowSpec, { kind: "cron" }>): Stretches {
  return { starts: timesOf(cron, timeZone), endOf: (start) => start + forMs, longestMs: forMs };
}

function dailyStretches({ days, from, to, timeZone }: Extract<TimeWindowSpec, { kind: "daily" }>): Stretches {
  const isOverMidnight = to <= from;
  const starts = timesOf(dailyCron(days, from), timeZone);
  const ends = timesOf(dailyCron(isOverMidnight ? days.map((day) => (day + 1) % 7) : days, to), timeZone);
  const lengthMs = (to - from + (isOverMidnight ? DAY_MINUTES : 0)) * MINUTE_MS;
  // Where the clocks change meanwhile, the end is not where the length says, but near.
  const endOf = (start: number): number => ends(start + lengthMs - SHIFT_MS) ?? start;
  return { starts, endOf, longestMs: lengthMs + SHIFT_MS };
}

/** When what is open at this time closes, stretches that run into each other taken as one; null when nothing is open. */
function untilOf({ starts, endOf, longestMs }: Stretches, at: number): number | null {
  let until: number | null = null;
  let start = starts(at - longestMs - 1);
  for (let count = 0; start !== null && start <= (until ?? at); count += 1) {
    if (count === CHAIN_MAX) return Infinity;
    const end = endOf(start);
    if (end > at) until = Math.max(until ?? end, end);
    start = starts(start);
  }
  return until;
}

/** One that the change of the clocks leaves nothing of does not begin. */
function nextStart({ starts, endOf }: Stretches, at: number): number | null {
  let start = starts(at);
  while (start !== null && endOf(start) <= start) start = starts(start);
  return start;
}

function timesOf(pattern: string, timeZone: string): Stretches["starts"] {
  refuseUnknownZone(timeZone);
  const cron = cronIn(pattern, timeZone);
  return (at) => cron.nextRun(new Date(at))?.getTime() ?? null;
}

function cronIn(pattern: string, timeZone: string): Cron {
  try {
    return new Cron(pattern, { timezone: timeZone, mode: "5-part" });
  } catch (error) {
    throw new RangeError(`"${pattern}" is not a cron expression of five fields such as "0 16 * * 5"`, { cause: error });
  }
}

function dailyCron(days: readonly number[], minutes: number): string {
  return `${String(minutes % 60)} ${String(Math.floor(minutes / 60))} * * ${days.join(",")}`;
}

function refuseUnknownZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (error) {
    throw new RangeError(`"${timeZone}" is not a time zone such as Europe/Vienna or UTC`, { cause: error });
  }
}
