import type { ReleaseName } from "../base/names.ts";
import type { AssetsSpec, AssetSource } from "./assets.ts";
import { running } from "./draft.ts";
import type { AppState } from "./state.ts";

/** The coming release, the active one, and those it may keep of the replaced ones, the one that was replaced last first. */
export function assetSources(state: AppState, at: number): readonly AssetSource[] {
  const present = specOf(state, state.routes.specRelease);
  if (present === undefined) return [];
  const live = [running(state)?.to ?? null, state.active].filter((release) => release !== null);
  const replaced = state.promoted
    .toReversed()
    .filter((release) => !live.includes(release) && replacedAt(state, release) + present.maxAgeMs > at)
    .slice(0, present.keep);
  return [...new Set([...live, ...replaced])].flatMap((release) => {
    if (state.releases[release] === undefined) return [];
    const until = live.includes(release) ? null : replacedAt(state, release) + present.maxAgeMs;
    return [{ release, places: specOf(state, release)?.places ?? present.places, until }];
  });
}

/** What makes one list of sources another one. */
export function sourcesText(sources: readonly AssetSource[]): string {
  return sources.map(({ release, until }) => `${release}:${String(until)}`).join(" ");
}

/** A release that was replaced before that was recorded counts from when it was made. */
function replacedAt({ replaced = {}, releases }: AppState, release: ReleaseName): number {
  return replaced[release] ?? releases[release]?.createdAt ?? 0;
}

function specOf({ releases }: AppState, release: ReleaseName | null): AssetsSpec | undefined {
  return release === null ? undefined : releases[release]?.spec.assets;
}
