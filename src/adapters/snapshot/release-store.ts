import { open, readdir, readFile, rename, rm } from "node:fs/promises";
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

/** Whole or not at all, and only for the owner's eyes. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(value));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8")) as unknown;
}

/** Makes a rename inside the directory last. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
