import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { chmod, copyFile, lstat, mkdir, open, readlink, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { SourceEntry } from "./source-scan.ts";

const AT_ONCE = 16;
const TRIES = 3;
const PIECE_BYTES = 1 << 20;

/**
 * Copies the entries and gives the SHA-256 over their sorted paths, kinds, executable bits and contents. Blocks are shared where the
 * filesystem can (reflink); never hard links, since an edit in place of the live file would then reach the release.
 * @throws ERR_SOURCE_UNREADABLE for a file that does not stop changing
 */
export async function copyTree(
  source: string,
  target: string,
  entries: readonly SourceEntry[],
  signal: AbortSignal,
): Promise<string> {
  const hashes = new Map<string, string>();
  for (const entry of entries)
    if (entry.kind === "directory") await mkdir(join(target, entry.path), { recursive: true, mode: 0o755 });
  const rest = entries.filter((entry) => entry.kind !== "directory");
  let next = 0;
  const work = async (): Promise<void> => {
    for (let entry = rest[next++]; entry !== undefined; entry = rest[next++]) {
      signal.throwIfAborted();
      hashes.set(entry.path, await copyEntry(source, target, entry));
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  for (const entry of entries.toReversed())
    if (entry.kind === "directory") await chmod(join(target, entry.path), entry.mode | 0o700);
  return combine(entries, hashes);
}

async function copyEntry(source: string, target: string, entry: SourceEntry): Promise<string> {
  const from = join(source, entry.path);
  const to = join(target, entry.path);
  if (entry.kind === "link") {
    const link = await readlink(from);
    await symlink(link, to);
    return link;
  }
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const before = await statOf(from);
    if (before === null) break;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    const after = await statOf(from);
    if (after === null || !isSame(before, after)) continue;
    await chmod(to, entry.mode | 0o600);
    await utimes(to, before.atime, before.mtime);
    return hashFile(to);
  }
  throw new HitlessError({
    code: "ERR_SOURCE_UNREADABLE",
    what: `${entry.path} kept changing while it was copied, or was removed.`,
    next: "Name it in .hitlessignore if it is not part of the release, or deploy again when it is finished.",
  });
}

/** Null when it is gone, or no file any more. */
async function statOf(path: string): Promise<Stats | null> {
  const stat = await lstat(path).catch(() => null);
  return stat?.isFile() === true ? stat : null;
}

/** The change time tells of what sets the modification time back. */
function isSame(before: Stats, after: Stats): boolean {
  return (
    before.size === after.size && before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs && before.ino === after.ino
  );
}

/** Hashes the copy, which nobody changes any more, and brings it to the disk. */
async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      hash.update(piece.subarray(0, bytesRead));
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

function combine(entries: readonly SourceEntry[], hashes: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const entry of entries) {
    const executable = entry.kind === "file" && (entry.mode & 0o100) !== 0 ? "x" : "-";
    hash.update(`${entry.path}\0${entry.kind}\0${executable}\0${hashes.get(entry.path) ?? ""}\0`);
  }
  return hash.digest("hex");
}
