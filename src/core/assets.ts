import type { ReleaseName } from "../base/names.ts";

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
