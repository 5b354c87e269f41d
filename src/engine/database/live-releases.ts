import type { ReleaseName } from "../../base/names.ts";
import { all } from "../../core/instance-book.ts";
import type { AppState } from "../../core/state.ts";

/** Whose clients may use the database now, or again. */
export function liveReleases(state: AppState | null): readonly ReleaseName[] {
  if (state === null) return [];
  const running = all(state).map(({ release }) => release);
  const kept = [state.active, state.standby?.release ?? null].filter((release) => release !== null);
  return [...new Set([...running, ...kept])];
}
