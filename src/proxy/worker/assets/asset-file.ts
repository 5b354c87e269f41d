import { constants } from "node:fs";
import { open, realpath, type FileHandle } from "node:fs/promises";
import { join, relative } from "node:path";

/** A file that is open for reading; whoever has it closes it. */
export interface AssetFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** What would wait for a writer is opened without waiting, and refused as no file. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OUTSIDE = /^\.\.(?:\/|$)|^\//;
const HIDDEN = /(?:^|\/)\./;

/** The file of that path below the directory; null if there is none, or if links lead out of the directory or to a hidden name. */
export async function openAsset(directory: string, path: string): Promise<AssetFile | null> {
  try {
    const [root, file] = await Promise.all([realpath(directory), realpath(join(directory, path))]);
    const inside = relative(root, file);
    if (OUTSIDE.test(inside) || HIDDEN.test(inside)) return null;
    return await opened(file);
  } catch {
    return null;
  }
}

async function opened(file: string): Promise<AssetFile | null> {
  const handle = await open(file, FLAGS);
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { handle, bytes: stat.size, modifiedMs: stat.mtimeMs };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return null;
}
