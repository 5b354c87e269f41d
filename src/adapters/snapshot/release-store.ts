import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { nameNumber, type ReleaseName } from "../../base/names.ts";

/** What snapshots are for: releases that run, or steps that run ahead of one. */
export type SnapshotFolder = "releases" | "prepared";

/** Where the releases of one app are: `releases/rN/{tree,release.json,launch.json}`, with `rN.request.json` (and `rN.source` of a queued one) beside until it is made. */
export class ReleaseDirectory {
  readonly path: string;

  constructor(appDirectory: string, folder: SnapshotFolder) {
    this.path = join(appDirectory, folder);
  }

  release(name: ReleaseName): string {
    return join(this.path, name);
  }

  partial(name: ReleaseName): string {
    return join(this.path, `${name}.partial`);
  }

  /** The source of a release that is made later, as it was when that was asked for. */
  source(name: ReleaseName): string {
    return join(this.path, `${name}.source`);
  }

  request(name: ReleaseName): string {
    return join(this.path, `${name}.request.json`);
  }

  /** Whole releases, oldest first. */
  async names(): Promise<readonly ReleaseName[]> {
    const entries = await readdir(this.path).catch(() => []);
    return entries.filter((name) => nameNumber(name) !== null).sort((a, b) => (nameNumber(a) ?? 0) - (nameNumber(b) ?? 0));
  }

  /** Renamed first, so that a crash in the middle leaves no half release. */
  async remove(name: ReleaseName): Promise<void> {
    const removing = join(this.path, `${name}.removing`);
    await rm(removing, { recursive: true, force: true });
    await rename(this.release(name), removing).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    });
    await rm(removing, { recursive: true, force: true });
    await rm(this.partial(name), { recursive: true, force: true });
    await this.unstage(name);
  }

  /** What was kept to make the release from. */
  async unstage(name: ReleaseName): Promise<void> {
    await rm(this.request(name), { force: true });
    await rm(this.source(name), { recursive: true, force: true });
  }

  /** What a crash has left of removals. */
  async sweep(): Promise<void> {
    const entries = await readdir(this.path).catch(() => []);
    for (const name of entries) if (name.endsWith(".removing")) await rm(join(this.path, name), { recursive: true, force: true });
  }
}

export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8")) as unknown;
}
