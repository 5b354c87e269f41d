import type { ReleaseName } from "../base/names.ts";
import { running } from "./draft.ts";
import type { AppState } from "./state.ts";

/** Which files of a release clients can still have when another one is active. */
export interface AssetsSpec {
  readonly places: readonly AssetPlace[];
  /** How many replaced releases. */
  readonly keep: number;
  /** From when a release was replaced. */
  readonly maxAgeMs: number;
}

export interface AssetPlace {
  /** Leading segments of the URL's path, without a slash at the end. */
  readonly path: string;
  /** Where their files are, relative to the release's directory. */
  readonly directory: string;
}

/** A release whose files may answer where the application says 404. */
export interface AssetSource {
  readonly release: ReleaseName;
  readonly places: readonly AssetPlace[];
  /** Milliseconds since the epoch; null: as long as it is in the table. */
  readonly until: number | null;
  /** The release's directory, an absolute path; added by who sends the table to the proxy. */
  readonly tree?: string | undefined;
}

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
