import type { ReleaseName } from "../base/names.ts";
import type { AppSpec } from "../core/app-spec.ts";
import type { ReleaseRecord } from "../core/release.ts";

/** What a release is made from. Holds environment values: it is stored with mode 0600 and never journaled. */
export interface ReleaseRequest {
  readonly spec: AppSpec;
  /** Absolute path of the live source directory. */
  readonly source: string;
  /** Extra ignore patterns (gitignore syntax), beside the tree's own `.gitignore` and `.hitlessignore`. */
  readonly ignore: readonly string[];
  /** Shell line that is run inside the snapshot, or null. */
  readonly build: string | null;
  /** Full environment additions per process type, resolved. */
  readonly env: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** How an instance of a release is run. */
export interface LaunchPlan {
  readonly directory: string;
  readonly command: string | readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The variable of a port for health checks alone. Absent: there is none. */
  readonly healthPortVariable?: string | undefined;
}

/** Where the tasks of a release are done. */
export interface Workplace {
  readonly directory: string;
  /** Of the process type that gets requests, or of the first one. */
  readonly env: Readonly<Record<string, string>>;
  readonly spec: AppSpec;
  /** What opens its previews; null for a release of before there was such a thing: its name does. */
  readonly previewKey: string | null;
}

export type CreateOutcome =
  | { readonly kind: "created"; readonly record: ReleaseRecord }
  /** The snapshot's identity equals `unlessIdentity`; nothing was kept, the build was not run. */
  | { readonly kind: "unchanged" };

/** Snapshots of release sources. All calls are safe to repeat. Errors are HitlessErrors; after one, nothing of the attempt is left. */
export interface Releases {
  /** Keeps the request (atomically) until `create` or `discard`; `copy`: and the source as it is now, for a release that is made later. */
  stage(app: string, release: ReleaseName, request: ReleaseRequest, options?: { readonly copy: boolean }): Promise<void>;
  /** Copies, compares, builds; the release exists whole or not at all. Build output goes to `onOutput` line by line. */
  create(
    app: string,
    release: ReleaseName,
    options: { unlessIdentity: string | null; onOutput: (line: string) => void; signal: AbortSignal },
  ): Promise<CreateOutcome>;
  /** Removes a release or what is left of one; no error if there is none. */
  discard(app: string, release: ReleaseName): Promise<void>;
  /** Removes the oldest releases beyond `keep` except those in use; gives the names of the removed ones. */
  prune(app: string, options: { keep: number; inUse: readonly ReleaseName[] }): Promise<readonly ReleaseName[]>;
  launchPlan(app: string, release: ReleaseName, type: string): Promise<LaunchPlan>;
  /** @throws ERR_RELEASE_UNKNOWN */
  workplace(app: string, release: ReleaseName): Promise<Workplace>;
}
