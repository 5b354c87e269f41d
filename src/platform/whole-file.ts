import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** For the owner's eyes alone. */
const MODE = 0o600;

type Content = string | Uint8Array;

/** Writes a file, whole or not at all (mode 0600). That the name is there after a power failure too needs {@link syncDirectory}. */
export async function writeWhole(path: string, content: Content): Promise<void> {
  const staged = await stage(path, content);
  try {
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
}

/** As {@link writeWhole}, for a caller that cannot wait. */
export function writeWholeSync(path: string, content: Content): void {
  const staged = besides(path);
  try {
    const file = openSync(staged, "wx", MODE);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(staged, path);
  } catch (error) {
    rmSync(staged, { force: true });
    throw error;
  }
}

/** The content on disk under a name beside `path`, which is given: the caller renames or removes it. */
export async function stage(path: string, content: Content): Promise<string> {
  const staged = besides(path);
  try {
    const file = await open(staged, "wx", MODE);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  }
  return staged;
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

function besides(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}`);
}
