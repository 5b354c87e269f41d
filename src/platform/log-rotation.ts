import { copyFile, rename, rm, stat, truncate } from "node:fs/promises";

const LARGE_BYTES = 10 * 1024 * 1024;
/** Of one log, besides the file that is written: `x.log.1` is the newest of them. */
const KEPT = 3;

/**
 * Copies a log of 10 MiB and more to `<path>.1`, the copies before it to `.2` and `.3`, and empties it; whoever writes it must append. What is written between the
 * two is lost: the price of rotating under a process that cannot be asked to open its output anew. A log that is not there is no error.
 */
export async function rotateLarge(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size < LARGE_BYTES) return;
  await rm(copyOf(path, KEPT), { force: true });
  for (let number = KEPT - 1; number >= 1; number -= 1) {
    await rename(copyOf(path, number), copyOf(path, number + 1)).catch(() => undefined);
  }
  await copyFile(path, copyOf(path, 1));
  await truncate(path);
}

/** With all its copies. */
export async function removeLog(path: string): Promise<void> {
  await rm(path, { force: true });
  for (let number = 1; number <= KEPT; number += 1) await rm(copyOf(path, number), { force: true });
}

function copyOf(path: string, number: number): string {
  return `${path}.${String(number)}`;
}
