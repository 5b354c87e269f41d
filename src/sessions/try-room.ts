import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** More than the beginning of a file takes, on any usual file system. */
const BYTES = 16_384;
/** What is left of it after a kill goes with other unfinished files. */
const NAME = "room.part";

/** @throws the system's error where no new file can be begun in the directory: no room, or no more files */
export function tryRoom(directory: string): void {
  const path = join(directory, NAME);
  try {
    const fd = openSync(path, "w", 0o600);
    try {
      writeSync(fd, Buffer.alloc(BYTES));
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(path, { force: true });
  }
}
