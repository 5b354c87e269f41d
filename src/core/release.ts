import type { ReleaseName } from "../base/names.ts";
import type { AppSpec } from "./app-spec.ts";

/** Drawn by lot when the release was made; nobody who is not told can know it. */
export interface PreviewKey {
  readonly value: string;
  /** In hex, as the proxy compares it. */
  readonly sha256: string;
}

/** What is recorded of a release; its files are an immutable snapshot in the state directory. Never holds environment values. */
export interface ReleaseRecord {
  readonly release: ReleaseName;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** SHA-256 over the sorted paths, modes and contents of the snapshot before the build. */
  readonly contentHash: string;
  /** SHA-256 over content, spec, build command and environment: equal means a deployment would change nothing. */
  readonly identity: string;
  readonly gitCommit: string | null;
  /** True when the work tree had uncommitted changes. */
  readonly gitDirty: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly spec: AppSpec;
  /** What opens its previews. Absent in what was made before there was such a thing. */
  readonly previewKey?: PreviewKey | undefined;
  /** Names, per process type, of the variables the release was given. */
  readonly envNames: Readonly<Record<string, readonly string[]>>;
}
