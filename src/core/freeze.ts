import { timeWindow, type TimeWindowSpec } from "../base/time-window.ts";

/** A time in which nothing is deployed, but for rollbacks. */
export interface FreezeWindow {
  /** What people call it: "weekend". */
  readonly name: string;
  readonly window: TimeWindowSpec;
}

/** What keeps a deployment from beginning. */
export interface Frozen {
  /** The name of a window that is open. */
  readonly window: string;
  /** When none is open any more, milliseconds since the epoch; null: never. */
  readonly until: number | null;
}

/** From one window into the next so often; what is still frozen then stays so. */
const CHAIN_MAX = 100;

/** What is frozen at this time, until no window is open any more; null when none is open. */
export function frozenAt(windows: readonly FreezeWindow[], at: number): Frozen | null {
  const [first] = openAt(windows, at);
  if (first === undefined) return null;
  let until = at;
  for (let count = 0; count < CHAIN_MAX; count += 1) {
    const open = openAt(windows, until);
    if (open.length === 0) return { window: first.name, until };
    const ends = open.map(({ window }) => timeWindow(window).nextChange(until) ?? Infinity);
    until = Math.max(...ends);
    if (until === Infinity) break;
  }
  return { window: first.name, until: null };
}

function openAt(windows: readonly FreezeWindow[], at: number): readonly FreezeWindow[] {
  return windows.filter(({ window }) => timeWindow(window).isOpen(at));
}

/** `"weekend" is open until 2026-01-05T06:00:00.000Z`, for people. */
export function frozenText({ window, until }: Frozen): string {
  return `"${window}" is open${until === null ? "" : ` until ${new Date(until).toISOString()}`}`;
}
