import { HitlessError } from "../../base/error.ts";
import { all, isLive } from "../../core/instances.ts";
import type { SessionMove } from "../../core/session-move/move.ts";
import type { AppState } from "../../core/state.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SessionStores } from "../../ports/session-moves.ts";

export interface CopyParts {
  readonly clock: Clock;
  readonly stores: SessionStores;
  readonly state: () => AppState | null;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CopyProgress) => void;
}

/** How far the copying, or the look whether all is there, has come. */
export interface CopyProgress {
  readonly doing: "copying" | "verifying";
  readonly done: number;
  readonly total: number;
}

/** For an instance that serves to say which sessions it writes into both stores: a store is usually made when the program starts. */
const MARK_PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 500;

/**
 * Copies the sessions of all prefixes that instances tell of, and looks at each of them in both stores; before and after, every instance that serves must have said that it writes into both.
 * @throws ERR_SESSIONS_UNMARKED, what a store fails with
 */
export async function copySessions(
  parts: CopyParts,
  move: SessionMove,
): Promise<{ readonly verified: number; readonly prefixes: readonly string[] }> {
  const verified = new Map<string, number>();
  for (;;) {
    const prefixes = await prefixesOf(parts, move);
    const missing = prefixes.filter((prefix) => !verified.has(prefix));
    if (missing.length === 0) return { verified: [...verified.values()].reduce((sum, one) => sum + one, 0), prefixes };
    for (const prefix of missing) verified.set(prefix, await copyPrefix(parts, move, prefix));
  }
}

/** The second time only looks, and writes what an instance could not write just then. */
async function copyPrefix({ stores, signal, onProgress }: CopyParts, move: SessionMove, prefix: string): Promise<number> {
  let sessions = 0;
  for (const doing of ["copying", "verifying"] as const) {
    const report = (progress: { done: number; total: number }): void => {
      onProgress({ doing, ...progress });
    };
    ({ sessions } = await stores.copy({ move, prefix, signal, onProgress: report }));
  }
  return sessions;
}

/** Waits until all instances that get requests have told theirs; those that a deployment is about to give some have a moment left to do so. */
async function prefixesOf({ clock, stores, state, signal }: CopyParts, move: SessionMove): Promise<readonly string[]> {
  for (let until = Infinity; ;) {
    const present = state();
    if (present?.deployment?.outcome === null) {
      await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, signal);
      continue;
    }
    const names = serving(present);
    const marks = await stores.marks(move, names);
    const silent = names.filter((name) => !marks.has(name));
    if (names.length > 0 && silent.length === 0) return [...new Set([...marks.values()].flat())].sort();
    if (names.length > 0) until = Math.min(until, clock.now() + MARK_PATIENCE_MS);
    if (clock.now() >= until) throw unmarked(silent);
    await clock.sleepUntil(clock.now() + LOOK_EVERY_MS, signal);
  }
}

/** Those with traffic; of an app without any, all. */
function serving(state: AppState | null): readonly string[] {
  const live = state === null ? [] : all(state).filter(isLive);
  const routed = live.filter((one) => one.routed);
  return (routed.length > 0 ? routed : live).map(({ name }) => name);
}

function unmarked(silent: readonly string[]): HitlessError {
  return new HitlessError({
    code: "ERR_SESSIONS_UNMARKED",
    what: `${silent.join(", ")} ${silent.length === 1 ? "does" : "do"} not write into both stores.`,
    why: "Only a store of `hitless/session`, opened when the program starts with `hitless://` or $HITLESS_SESSION_URL, learns of a move.",
    next: "Nothing is lost: instances go back to the old store. docs/sessions.md shows how to move other stores by hand.",
  });
}
